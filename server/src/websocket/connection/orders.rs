//! Sends the open orders, positions and booked events of accounts to a client.

use tickbook_ledger::domain::{AccountId, Order};
use tickbook_ledger::repository::PositionEntry;
use tokio::task::coop;

use super::super::messages::Message;
use super::super::order_messages::{OrderEventMessage, OrdersGapMessage, OrdersMessage};
use super::super::orders::JournalPart;
use super::{ClientConnection, End};
use crate::ledger::{AccountState, News};

/// Maximum number of orders and of positions in a message.
const AT_ONCE: usize = 200;

impl ClientConnection {
    /// Sends the open orders and positions of an account, and delivers its events from then on.
    pub(super) async fn send_state(
        &mut self,
        account_id: AccountId,
        state: AccountState,
    ) -> Result<(), End> {
        let AccountState {
            sequence,
            orders,
            positions,
            is_complete,
        } = state;
        let (mut orders, mut positions) = (orders.into_iter(), positions.into_iter());
        let mut more = true;
        while more {
            // yield to other clients
            coop::consume_budget().await;
            let orders_now: Vec<Order> = orders.by_ref().take(AT_ONCE).collect();
            let positions_now: Vec<PositionEntry> = positions.by_ref().take(AT_ONCE).collect();
            more = orders.len() + positions.len() > 0;
            let message = OrdersMessage {
                account_id: account_id.get(),
                sequence,
                orders: orders_now.into_iter().map(Into::into).collect(),
                positions: positions_now.into_iter().map(Into::into).collect(),
                more,
                complete: is_complete,
            };
            self.send(&Message::Orders(message)).await?;
        }
        self.orders.start(account_id, sequence);
        Ok(())
    }

    /// Sends booked events, and reports missed ones.
    pub(super) async fn deliver_orders(&mut self, news: Vec<News>) -> Result<(), End> {
        let mut missed = 0;
        for news in news {
            let account_id = news.account_id;
            for part in self.orders.parts(news) {
                // yield to other clients
                coop::consume_budget().await;
                let message = match part {
                    JournalPart::Event(event) => {
                        Message::OrderEvent(Box::new(OrderEventMessage::new(account_id, &event)))
                    }
                    JournalPart::Gap(from, to) => {
                        missed += to.abs_diff(from);
                        Message::OrdersGap(OrdersGapMessage::new(account_id, from, to))
                    }
                };
                self.send(&message).await?;
            }
        }
        self.count_gaps([0, 0, missed]).await
    }

    /// Sends all booked events that wait.
    pub(super) async fn deliver_waiting_orders(&mut self) -> Result<(), End> {
        loop {
            let news = self.orders.take();
            if news.is_empty() {
                return Ok(());
            }
            self.deliver_orders(news).await?;
        }
    }
}
