package store

import "database/sql"

// Writer gives tests the connection that writes.
func (s *Store) Writer() *sql.DB { return s.writer }

// Reader gives tests the connections that read.
func (s *Store) Reader() *sql.DB { return s.reader }

// RingSize is how many samples are kept of a maintenance.
const RingSize = ringSize
