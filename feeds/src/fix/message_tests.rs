use super::*;

/// A message of these fields, and its bytes.
fn bytes(fields: &str) -> Vec<u8> {
    fields.replace('|', "\u{1}").into_bytes()
}

fn decoded<T>(fields: &str, read: impl FnOnce(Message<'_>) -> T) -> Result<T, DecodeError> {
    let bytes = bytes(fields);
    let mut decoder = Decoder::new();
    decoder.decode(&bytes).map(read)
}

const SNAPSHOT: &str = "8=FIX.4.4|9=1|35=W|34=2|55=1|268=3|269=0|270=1.06625|271=50000|278=16|\
                        269=0|270=1.0661|271=1|278=9|269=1|270=1.06628|271=5|278=7|10=000|";

#[test]
fn fields_are_read_by_their_tags() {
    let fields = "8=FIX.4.4|9=1|35=0|34=7|43=Y|58=grüße|52=20240105-10:00:00.5|112=|10=000|";
    decoded(fields, |message| {
        assert_eq!(message.msg_type(), b"0");
        assert_eq!(message.integer(tag::MSG_SEQ_NUM), Ok(Some(7)));
        assert_eq!(message.integer(tag::NEW_SEQ_NO), Ok(None));
        assert_eq!(message.flag(tag::POSS_DUP_FLAG), Ok(true));
        assert_eq!(message.flag(tag::GAP_FILL_FLAG), Ok(false));
        assert_eq!(message.text(tag::TEXT), Ok(Some("grüße")));
        let time = message.time(tag::SENDING_TIME).expect("a time");
        let millis = time.map(|time| time.timestamp_millis());
        assert_eq!(millis, Some(1_704_448_800_500));
        let error = |tag, fault| FieldError::new(tag, fault);
        assert_eq!(
            message.required(tag::TEST_REQ_ID),
            Err(error(112, FieldFault::Empty))
        );
        assert_eq!(message.required(55), Err(error(55, FieldFault::Missing)));
        assert_eq!(message.integer(58), Err(error(58, FieldFault::Format)));
        assert_eq!(message.flag(58), Err(error(58, FieldFault::Value)));
        assert_eq!(message.time(34), Err(error(34, FieldFault::Format)));
        assert_eq!(
            message.required_integer(36),
            Err(error(36, FieldFault::Missing))
        );
        assert_eq!(
            error(36, FieldFault::Missing).to_string(),
            "field 36 is missing"
        );
    })
    .expect("a message");
}

#[test]
fn groups_are_split_at_their_first_tag() {
    decoded(SNAPSHOT, |message| {
        let group = message.group(tag::NO_MD_ENTRIES, tag::MD_ENTRY_TYPE);
        let group = group.expect("a group");
        assert_eq!(group.len(), 3);
        let ids = group.map(|entry| entry.get(tag::MD_ENTRY_ID).expect("an id"));
        assert_eq!(ids.collect::<Vec<_>>(), [&b"16"[..], b"9", b"7"]);
    })
    .expect("a message");
}

#[test]
fn groups_with_another_count_are_refused() {
    for (count, found) in [("268=2", 3), ("268=4", 3), ("268=0", 3)] {
        let fields = SNAPSHOT.replace("268=3", count);
        let stated = count[4..].parse().expect("a number");
        decoded(&fields, |message| {
            let group = message.group(tag::NO_MD_ENTRIES, tag::MD_ENTRY_TYPE);
            let error = group.expect_err("another count");
            assert_eq!(error.fault, FieldFault::Count { stated, found });
        })
        .expect("a message");
    }
    // an entry that begins with another field
    let fields = SNAPSHOT.replacen("269=0|270=1.06625", "270=1.06625|269=0", 1);
    let group = decoded(&fields, |message| {
        message
            .group(tag::NO_MD_ENTRIES, tag::MD_ENTRY_TYPE)
            .is_ok()
    });
    assert_eq!(group, Ok(false));
    let group = decoded("8=FIX.4.4|9=1|35=W|268=0|10=000|", |message| {
        let group = message.group(tag::NO_MD_ENTRIES, tag::MD_ENTRY_TYPE);
        group.expect("an empty group").count()
    });
    assert_eq!(group, Ok(0));
}

#[test]
fn raw_data_may_contain_separators() {
    let fields = "8=FIX.4.4|9=1|35=B|95=7|96=a|10=0|354=2|355=x||58=end|10=000|";
    decoded(fields, |message| {
        assert_eq!(message.get(tag::RAW_DATA), Some(&b"a\x0110=0"[..6]));
        assert_eq!(message.get(tag::TEXT), Some(&b"end"[..]));
    })
    .expect_err("the stated length of 7 is one too large");
    let fields = fields.replace("95=7", "95=6");
    decoded(&fields, |message| {
        assert_eq!(message.get(tag::RAW_DATA), Some(&b"a\x0110=0"[..]));
        assert_eq!(message.get(355), Some(&b"x\x01"[..]));
        assert_eq!(message.get(tag::TEXT), Some(&b"end"[..]));
        assert_eq!(message.iter().count(), 9);
    })
    .expect("a message");
}

#[test]
fn bytes_that_are_not_fields_are_refused() {
    let error = |fields: &str| decoded(fields, |_| ()).expect_err(fields);
    assert_eq!(error(""), DecodeError::Header);
    assert_eq!(error("8=FIX.4.4|35=0|9=1|10=000|"), DecodeError::Header);
    assert_eq!(error("8=FIX.4.4|9=1|35=0|34=2|"), DecodeError::Trailer);
    assert_eq!(
        error("8=FIX.4.4|9=1|35=0|34=2"),
        DecodeError::Unterminated(34)
    );
    for field in ["034=2", "=2", "x=2", "34", "-34=2", "1234567890=2", ""] {
        let fields = format!("8=FIX.4.4|9=1|35=0|{field}|10=000|");
        assert_eq!(error(&fields), DecodeError::Tag(19), "{field}");
    }
    let data = "8=FIX.4.4|9=1|35=0|95=999999999999999999|96=a|10=000|";
    assert_eq!(error(data), DecodeError::DataLength(96));
}

#[test]
fn number_of_fields_is_limited() {
    let many = "1=|".repeat(MAX_FIELDS);
    let fields = format!("8=FIX.4.4|9=1|35=0|{many}10=000|");
    assert_eq!(
        decoded(&fields, |_| ()).expect_err("too many"),
        DecodeError::TooManyFields
    );
}

#[test]
fn values_with_separators_are_not_written() {
    let message = MessageBuilder::new("A");
    let error = message.clone().field(tag::PASSWORD, "a\u{1}141=N").finish();
    assert_eq!(error, Err(EncodeError::Separator(554)));
    let error = error.expect_err("refused").to_string();
    assert_eq!(error, "the value of field 554 contains a separator");
    let error = message.field(tag::USERNAME, "").body();
    assert_eq!(error, Err(EncodeError::Empty(553)));
}

#[test]
fn passwords_are_not_shown() {
    let message = MessageBuilder::new("A")
        .field(tag::USERNAME, "me")
        .field(tag::PASSWORD, "swordfish")
        .field(tag::NEW_PASSWORD, "trout");
    let shown = format!("{message:?}");
    assert_eq!(shown, "35=A|553=me|554=***|925=***");
    let bytes = message.finish().expect("a message");
    let mut decoder = Decoder::new();
    let decoded = decoder.decode(&bytes).expect("fields");
    for shown in [
        Redacted(&bytes).to_string(),
        format!("{:?}", Redacted(&bytes)),
        format!("{:?}", *decoded),
    ] {
        assert!(shown.contains("554=***|925=***"), "{shown}");
        assert!(!shown.contains("swordfish") && !shown.contains("trout"));
    }
}
