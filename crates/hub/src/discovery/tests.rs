//! Tests of discovery as a whole, against real files, servers and name servers.
