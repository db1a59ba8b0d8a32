//! Deployments.

use super::StrategySubject;
use super::samples::{
    TENANT, account, assert_invalid, assert_not_found, assert_taken, create, dec, limit, scope,
    terms,
};
use super::strategy_samples::{OTHER_TENANT, outside, with_versions};
use crate::domain::{AccountId, AccountScope, Deployment, DeploymentId, NewDeployment, StrategyId};
use crate::repository::DeploymentQuery;

async fn deploy(store: &StrategySubject, deployment: NewDeployment) -> Deployment {
    let strategies = &store.strategies().strategies;
    let begun = strategies.deploy(&scope(), deployment).await;
    begun.expect("a new deployment")
}

async fn stop(store: &StrategySubject, id: DeploymentId) -> Deployment {
    let strategies = &store.strategies().strategies;
    strategies.stop(&scope(), id).await.expect("stopped")
}

async fn list(store: &StrategySubject, query: &DeploymentQuery) -> Vec<Deployment> {
    let strategies = &store.strategies().strategies;
    let page = strategies.deployments(&scope(), query).await;
    page.expect("read").items
}

pub async fn deployment_reads_back(store: &StrategySubject) {
    let strategy = with_versions(store).await;
    let account = account(store.ledger()).await;
    let plain = NewDeployment::new(account, strategy, 1);
    let limited = plain
        .clone()
        .allocated_capital(dec("10000.50"))
        .max_position_size(dec("3"))
        .max_leverage(dec("1.5"));
    for terms in [limited, plain] {
        let begun = deploy(store, terms.clone()).await;
        assert_eq!(Ok(&begun.terms), terms.normalized().as_ref());
        assert!(begun.is_running());
        let read = list(store, &DeploymentQuery::default().running(true)).await;
        assert_eq!(read, std::slice::from_ref(&begun));
        stop(store, begun.deployment_id).await;
    }
}

pub async fn one_deployment_of_a_strategy_runs_at_a_time(store: &StrategySubject) {
    let strategies = &store.strategies().strategies;
    let strategy = with_versions(store).await;
    let first = account(store.ledger()).await;
    let second = create(store.ledger(), terms("second")).await.account_id;
    let begun = deploy(store, NewDeployment::new(first, strategy, 1)).await;
    for version in [1, 2] {
        let another = NewDeployment::new(first, strategy, version);
        assert_taken(strategies.deploy(&scope(), another).await);
    }
    deploy(store, NewDeployment::new(second, strategy, 2)).await;
    stop(store, begun.deployment_id).await;
    let next = deploy(store, NewDeployment::new(first, strategy, 2)).await;
    assert!(next.deployment_id > begun.deployment_id);
}

pub async fn concurrent_deployments_begin_once(store: &StrategySubject) {
    let strategy = with_versions(store).await;
    let account = account(store.ledger()).await;
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let strategies = store.strategies().strategies.clone();
            let terms = NewDeployment::new(account, strategy, 1 + number % 2);
            tokio::spawn(async move { strategies.deploy(&scope(), terms).await })
        })
        .collect();
    let mut begun = 0;
    for task in tasks {
        match task.await.expect("no panic") {
            Ok(_) => begun += 1,
            refused => assert_taken(refused),
        }
    }
    assert_eq!(begun, 1);
}

pub async fn stopped_deployment_keeps_the_time(store: &StrategySubject) {
    let strategies = &store.strategies().strategies;
    let strategy = with_versions(store).await;
    let account = account(store.ledger()).await;
    let begun = deploy(store, NewDeployment::new(account, strategy, 1)).await;
    let id = begun.deployment_id;
    let stopped = stop(store, id).await;
    assert!(stopped.stopped_at.is_some_and(|it| it >= begun.deployed_at));
    assert_eq!(stop(store, id).await, stopped);
    assert_eq!(list(store, &DeploymentQuery::default()).await, [stopped]);
    let unknown = DeploymentId::new(id.get() + 1);
    assert_not_found(strategies.stop(&scope(), unknown).await);
}

pub async fn deployments_do_not_overlap(store: &StrategySubject) {
    let strategy = with_versions(store).await;
    let account = account(store.ledger()).await;
    let mut last: Option<Deployment> = None;
    for number in 0..6 {
        let terms = NewDeployment::new(account, strategy, 1 + number % 2);
        let begun = deploy(store, terms).await;
        let end = last.and_then(|it| it.stopped_at);
        assert!(end.is_none_or(|end| begun.deployed_at >= end));
        last = Some(stop(store, begun.deployment_id).await);
    }
}

pub async fn impossible_deployments_are_refused(store: &StrategySubject) {
    let strategies = &store.strategies().strategies;
    let strategy = with_versions(store).await;
    let open = account(store.ledger()).await;
    let deploy = async |terms| strategies.deploy(&AccountScope::all(), terms).await;
    for version in [0, 3] {
        assert_not_found(deploy(NewDeployment::new(open, strategy, version)).await);
    }
    let unknown = StrategyId::new(strategy.get() + 1);
    assert_not_found(deploy(NewDeployment::new(open, unknown, 1)).await);
    let missing = AccountId::new(open.get() + 1);
    assert_not_found(deploy(NewDeployment::new(missing, strategy, 1)).await);
    let mut of_other = terms("other");
    of_other.tenant_id = OTHER_TENANT;
    let foreign = create(store.ledger(), of_other).await.account_id;
    assert_invalid(deploy(NewDeployment::new(foreign, strategy, 1)).await);
    for limit in ["0", "-1", "0.0000000000001"] {
        let terms = NewDeployment::new(open, strategy, 1).max_leverage(dec(limit));
        assert_invalid(deploy(terms).await);
    }
    let accounts = &store.ledger().accounts;
    accounts.close(&scope(), open).await.expect("closed");
    assert_invalid(deploy(NewDeployment::new(open, strategy, 1)).await);
    assert_eq!(list(store, &DeploymentQuery::default()).await, []);
}

pub async fn deployments_are_filtered_and_paged(store: &StrategySubject) {
    let strategies = &store.strategies().strategies;
    let first = with_versions(store).await;
    let second = super::strategy_samples::strategy(store, "b")
        .await
        .strategy_id;
    super::strategy_samples::add_version(store, second, super::strategy_samples::code("c")).await;
    let mut accounts = Vec::new();
    for name in ["x", "y", "z"] {
        accounts.push(create(store.ledger(), terms(name)).await.account_id);
    }
    let mut ids = Vec::new();
    for account in &accounts {
        for strategy in [first, second] {
            let begun = deploy(store, NewDeployment::new(*account, strategy, 1)).await;
            ids.push(begun.deployment_id);
        }
    }
    stop(store, ids[1]).await;
    let found = async |query: DeploymentQuery| -> Vec<DeploymentId> {
        let found = list(store, &query).await;
        found.iter().map(|it| it.deployment_id).collect()
    };
    let all = DeploymentQuery::default;
    assert_eq!(found(all()).await, ids);
    let of_first = [ids[0], ids[2], ids[4]];
    assert_eq!(found(all().strategy_id(first)).await, of_first);
    assert_eq!(found(all().account_id(accounts[1])).await, ids[2..4]);
    assert_eq!(found(all().running(false)).await, ids[1..2]);
    assert_eq!(found(all().running(true)).await.len(), 5);
    assert_eq!(found(all().after(ids[4])).await, ids[5..]);
    let page = strategies
        .deployments(&scope(), &all().limit(limit(4)))
        .await;
    let page = page.expect("read");
    assert_eq!((page.items.len(), page.next), (4, Some(ids[3])));
}

pub async fn deployments_outside_of_the_scope_do_not_exist(store: &StrategySubject) {
    let strategies = &store.strategies().strategies;
    let strategy = with_versions(store).await;
    let account = account(store.ledger()).await;
    let begun = deploy(store, NewDeployment::new(account, strategy, 1)).await;
    for outside in outside() {
        let page = strategies
            .deployments(&outside, &DeploymentQuery::default())
            .await;
        assert_eq!(page.expect("read").items, []);
        assert_not_found(strategies.stop(&outside, begun.deployment_id).await);
        let terms = NewDeployment::new(account, strategy, 1);
        assert_not_found(strategies.deploy(&outside, terms).await);
    }
    let inside = AccountScope::accounts(TENANT, [account]);
    let page = strategies
        .deployments(&inside, &DeploymentQuery::default())
        .await;
    assert_eq!(page.expect("read").items, [begun]);
}
