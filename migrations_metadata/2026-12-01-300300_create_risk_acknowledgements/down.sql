DROP TABLE risk_acknowledgements;
