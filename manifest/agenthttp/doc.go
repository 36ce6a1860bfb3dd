// Package agenthttp carries enrolment and check-ins between agents and a server over HTTP.
package agenthttp
