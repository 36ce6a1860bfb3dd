// Package home is the agent's state folder: who the agent is, the key it signs
// with, and what it shows of its work.
//
//	agent.json      who this agent is and which server it trusts; written by enrol
//	agent.key       its Ed25519 private key, PKCS #8 in PEM; written before the
//	                enrolment is sent, so that it can be repeated
//	agent.key.next  the new key while the agent enrols again
//	policy.json     the signer policy kept by enrol; absent: none
//	state.db        queue, executions and unacknowledged reports; locked by
//	                the running agent
//	stage/          downloaded files of the running agent
//	status.json     the state as of the last commit, for "agent status"
//	journal.jsonl   the agent's reports, one per line, in order; older ones are
//	                in journal.1.jsonl to journal.4.jsonl
//	former/         the journal of an identity that was given up
//	tmp/            temporary files of the running agent
//
// The folder and the files belong to their owner alone. All of them are checked
// before the first is opened (see internal/owned): what belongs to another user,
// what others may write, a key that others may read, and links are refused.
package home
