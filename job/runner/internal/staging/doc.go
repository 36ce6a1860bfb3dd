// Package staging fetches the files of patches into a private folder and opens them again for the deploy (INT-6, JOB-17).
//
// Layout: <folder>/<order>/<patch>/<n>.part while file n is being fetched, <n>.file when it is complete, <n>.meta for what is needed
// to resume and for the detached signature. Order and patch are hashes, so no name that comes from outside is ever a path; the patch's hash
// covers everything the order says of it, so an order that changed never uses another's files.
// Every access goes through an os.Root, opened once, and refuses links.
//
// The folder lies where nobody but root and the agent's user can swap it, or anything above it: Open refuses other places. It is
// private (0700), and so is all in it (0600, one name each, the agent's own); what is not is deleted by Open and never read or written
// through later. So even where an administrator opens the folder to others while the agent runs, what they put in place of a staged file is
// not installed. Access lists beyond owner, group and others are not looked at, and what root does is not defended against.
//
// A file is fetched over http, https or, below Config.Local alone, from a file URL; [Pace] says how slowly (INT-11). A cut connection is taken up with Range and If-Range where the server gave
// a strong validator, else from the beginning. SHA-256 is computed while the bytes stream, over what was there before too, and must be
// that of the complete file when it is opened for the verdict; the deploy's open takes the digest again from the very descriptors it returns.
// A download that makes no headway is tried again a few times.
package staging
