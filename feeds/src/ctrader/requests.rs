//! Messages to the venue, from their type on.

use crate::fix::{MessageBuilder, tag};

/// The data of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Quotes,
    Depth,
}

impl Kind {
    /// Begins the id of a request.
    fn name(self) -> &'static str {
        match self {
            Self::Quotes => "quotes",
            Self::Depth => "depth",
        }
    }

    /// The kind of the answer to a request of this module.
    pub(super) fn of_request(id: &[u8]) -> Option<Self> {
        [Self::Quotes, Self::Depth].into_iter().find(|kind| {
            let rest = id.strip_prefix(kind.name().as_bytes());
            rest.is_some_and(|rest| rest.first() == Some(&b'-'))
        })
    }

    fn depth(self) -> u8 {
        match self {
            Self::Quotes => 1,
            Self::Depth => 0,
        }
    }
}

/// The fields as text. The values are numbers and names that were received, so none has a separator.
fn text(message: MessageBuilder) -> String {
    let fields = message.body().unwrap_or_default();
    String::from_utf8(fields).unwrap_or_default()
}

/// Asks for all instruments.
pub(super) fn instruments() -> String {
    text(
        MessageBuilder::new("x")
            .field(tag::SECURITY_REQ_ID, "instruments")
            .field(tag::SECURITY_LIST_REQUEST_TYPE, 0),
    )
}

fn market_data(kind: Kind, number: &str, subscribes: bool) -> String {
    let message = MessageBuilder::new("V")
        .field(tag::MD_REQ_ID, format_args!("{}-{number}", kind.name()))
        .field(
            tag::SUBSCRIPTION_REQUEST_TYPE,
            if subscribes { 1 } else { 2 },
        )
        .field(tag::MARKET_DEPTH, kind.depth())
        .field(tag::MD_UPDATE_TYPE, 1)
        .field(tag::NO_MD_ENTRY_TYPES, 2)
        .field(tag::MD_ENTRY_TYPE, 0)
        .field(tag::MD_ENTRY_TYPE, 1)
        .field(tag::NO_RELATED_SYM, 1)
        .field(tag::SYMBOL, number);
    text(message)
}

/// Subscribes to the symbol with this number.
pub(super) fn subscribe(kind: Kind, number: &str) -> String {
    market_data(kind, number, true)
}

/// Ends a subscription.
pub(super) fn unsubscribe(kind: Kind, number: &str) -> String {
    market_data(kind, number, false)
}

/// The kind and the number of a recorded request of data.
#[cfg_attr(
    not(feature = "replay"),
    allow(dead_code, reason = "only a replay reads requests")
)]
pub(super) fn requested(text: &str) -> Option<(Kind, &str)> {
    let field = |tag: &str| {
        let mut fields = text
            .split('\u{1}')
            .filter_map(|field| field.split_once('='));
        fields.find_map(|(found, value)| (found == tag).then_some(value))
    };
    if (field("35"), field("263")) != (Some("V"), Some("1")) {
        return None;
    }
    let kind = match field("264")? {
        "1" => Kind::Quotes,
        _ => Kind::Depth,
    };
    Some((kind, field("55")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_the_fields_of_the_venue() {
        let shown = |text: String| text.replace('\u{1}', "|");
        assert_eq!(shown(instruments()), "35=x|320=instruments|559=0|");
        assert_eq!(
            shown(subscribe(Kind::Quotes, "7")),
            "35=V|262=quotes-7|263=1|264=1|265=1|267=2|269=0|269=1|146=1|55=7|"
        );
        assert_eq!(
            shown(unsubscribe(Kind::Depth, "7")),
            "35=V|262=depth-7|263=2|264=0|265=1|267=2|269=0|269=1|146=1|55=7|"
        );
        assert_eq!(Kind::of_request(b"depth-7"), Some(Kind::Depth));
        assert_eq!(Kind::of_request(b"quotes-7"), Some(Kind::Quotes));
        assert_eq!(Kind::of_request(b"depth"), None);
        assert_eq!(Kind::of_request(b""), None);
    }

    #[test]
    fn recorded_requests_are_read() {
        for (text, expected) in [
            (subscribe(Kind::Quotes, "7"), Some((Kind::Quotes, "7"))),
            (subscribe(Kind::Depth, "41"), Some((Kind::Depth, "41"))),
            (unsubscribe(Kind::Depth, "7"), None),
            (instruments(), None),
            (String::new(), None),
        ] {
            assert_eq!(requested(&text), expected, "{text}");
        }
    }
}
