// Package staging fetches the files of patches into a private folder and opens them again for the deploy (INT-6, JOB-17).
//
// Layout: <folder>/<order>/<patch>/<n>.part while file n is being fetched, <n>.file when it is complete, <n>.meta for what is needed
// to resume and for the detached signature. Order and patch are hashes, so no name that comes from outside is ever a path; the patch's hash
// covers everything the order says of it, so an order that changed never uses another's files.
// Every access goes through an os.Root and refuses links.
//
// A file is fetched over http, https or from a file URL. A cut connection is taken up with Range and If-Range where the server gave
// a strong validator, else from the beginning; digests are computed while the bytes stream, and taken anew over what was there before.
// A download that makes no headway is tried again a few times.
package staging
