// Package controller is the server's side: use cases over a Store.
package controller
