DROP TABLE position_reports;
