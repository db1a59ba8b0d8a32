-- on a server that does not preload the library this statement ends the connection: see README.md
CREATE EXTENSION IF NOT EXISTS timescaledb SCHEMA public;
