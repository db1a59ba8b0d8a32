DROP TABLE deployments;
DROP FUNCTION refuse_change_of_deployment;
