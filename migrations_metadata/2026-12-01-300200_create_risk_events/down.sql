DROP TABLE risk_events;
DROP FUNCTION refuse_change_of_risk_event;
