-- This statement ends the connection if the server does not preload the library: see README.md.
CREATE EXTENSION IF NOT EXISTS timescaledb SCHEMA public;
