// Counts what the sampler's looks allocate; see Looks.

Looks.run()
