// Package runtest proves of a plan of steps that no crash between two of its
// writes loses an effect, doubles one, or falsifies the record. It also holds the
// suite that every run.Journal must pass, a journal in memory, and a small plan of
// real files to try them on.
//
// It must not know what the steps of a plan do: each plan brings its own look at
// the world.
//
// # Faults
//
// Every durable write of a run can fail in three ways. What must follow:
//
//	write            | fails, not persisted         | fails, but persisted          | lease taken
//	-----------------+------------------------------+-------------------------------+------------------------
//	Acquire          | nothing was begun; a repeat  | an epoch is skipped; a repeat | ErrLeaseHeld, nothing
//	                 | begins                       | begins with the next one      | is done
//	resumed          | the next run says so instead | both runs say so, each with   | nothing is applied
//	                 |                              | its own epoch                 |
//	started          | nothing was applied; the     | nothing was applied; the next | nothing is applied
//	                 | attempt's number is used     | attempt has the next number   |
//	                 | again                        |                               |
//	Keep             | the step ends; Apply finds   | the step ends; Apply finds    | the step ends
//	                 | the memo before it           | this memo                     |
//	Note             | the step ends; the next      | the step ends; the next       | the step ends
//	                 | attempt notes anew           | attempt notes anew, under its |
//	                 |                              | own number                    |
//	Say              | the step ends; said by the   | the step ends; said once: the | the step ends
//	                 | next attempt                 | key is known                  |
//	done             | the effect is there; the     | the next run looks, finds it  | the holder that took
//	                 | next run finds it and writes | done and writes nothing       | over finds the effect
//	                 | done with the same key       |                               |
//	failed           | the step counts as started;  | the step counts as failed;    | the step counts as
//	                 | the next run looks           | the next run looks            | started
//	undone           | the effect is gone; the next | the next abort passes it over | the holder that took
//	                 | abort finds it absent and    |                               | over finds it absent
//	                 | writes undone                |                               |
//	Release          | the lease dies with its process; Release has no error to give to anyone
//
// In every case the run that saw the failure does nothing more: it neither writes,
// looks, applies nor undoes. A write that failed is never repeated by the run that
// made it, for it cannot tell the second column from the third.
package runtest
