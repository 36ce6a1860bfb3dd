// Package staging fetches the files of patches into a private folder and opens
// them again for the deploy (INT-6, JOB-17).
//
// The layout is <folder>/<order>/<patch>/<n>.part while file n is being
// fetched, <n>.file when it is complete, and <n>.meta for its detached
// signature and for what is needed to resume. Order and patch are hashes, so no
// name from outside is ever a path. The patch's hash covers everything that the
// order says about it, so a changed order never uses another order's files.
//
// Every access goes through one os.Root and refuses links. Files have mode
// 0600, one name each, and belong to the agent. [Open] deletes everything else,
// and nothing else is ever read or written later. So even if an administrator
// opens the folder to others while the agent runs, a file that they put in
// place of a staged one is not installed. Access lists are not checked, only
// owner, group and others. There is no defence against root.
package staging
