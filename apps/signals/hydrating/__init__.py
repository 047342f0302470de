"""From mart rows to signals (signals.md section 4): what a run says becomes what a team triages.

`job` is the whole in order; `batches` writes signals, observations, workflow rows and events a thousand at a
time; `topology` the graph and who belongs to whom; `vanishing` what the run no longer holds; `revisions`
takes a run's former files back; `dry_run` does all of it and undoes it.
"""
