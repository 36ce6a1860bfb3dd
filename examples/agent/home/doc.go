// Package home is the agent's state folder: who it is, the key it signs with, and what it shows of its work.
//
//	agent.json     who this agent is and which server it believes; written when it enrols
//	agent.key      its Ed25519 private key, PKCS #8 in PEM; written before it enrols, so that a lost answer can be asked for again
//	policy.json    the signer policy that it is held to, given when it enrolled; absent: none
//	state.db       queue, execution and unacknowledged reports; belongs to the running agent
//	stage/         downloaded files; belongs to the running agent
//	status.json    the state as of the last commit, for "agent status"
//	journal.jsonl  every report this agent made, one a line, in order; older ones are in journal.1.jsonl to journal.4.jsonl
//	former/        the journal of an identity that was given up
//	tmp/           temporary files of the running agent
//
// The folder and the files are for their owner alone. All of them are looked at before the first is opened (see internal/owned):
// what belongs to somebody else, what others may write, a key that others may read, and a link are refused.
package home
