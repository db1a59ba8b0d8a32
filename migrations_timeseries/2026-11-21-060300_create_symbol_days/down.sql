DROP TABLE symbol_days;
