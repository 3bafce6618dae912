// Nothing but the headers that every test reads, which are compiled once for all of them.
