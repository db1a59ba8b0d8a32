DROP TABLE applied_policies;
