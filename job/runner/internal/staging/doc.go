// Package staging fetches the files of patches into a private folder and opens
// them again for the deploy (INT-6, JOB-17).
//
// The layout is <folder>/<order>/<patch>/<n>.part while file n is being
// fetched, <n>.file when it is complete, and <n>.meta for its detached
// signature and for what is needed to resume. Order and patch are hashes, so no
// name from outside is ever a path. The patch's hash covers everything that the
// order says about it, so a changed order never uses another order's files.
// Every access goes through one os.Root and refuses links.
//
// The folder must be where only root and the agent's user can replace it, or
// anything above it; [Open] refuses other places. The folder has mode 0700.
// Files in it have mode 0600, one name each, and belong to the agent. Open
// deletes everything else in it, and nothing else is ever read or written
// later. So even if an administrator opens the folder to others while the agent
// runs, a file that they put in place of a staged one is not installed. Access
// lists are not checked, only owner, group and others. There is no defence
// against root.
//
// A file is fetched over http or https, or from a file URL below Config.Local;
// [Pace] says how slow that may be (INT-11). A cut connection is resumed with
// Range and If-Range if the server gave a strong validator, otherwise from the
// beginning. SHA-256 is computed while the bytes arrive, including bytes from
// an earlier try, and must match the complete file when that is opened for the
// verdict. The deploy's open computes the digest again from the descriptors
// that it returns. A download that makes no progress is tried again a few
// times.
package staging
