//! The tags of the fields that this package reads or writes, by the names of FIX.

/// The tag of a field.
pub type Tag = u32;

macro_rules! tags {
    ($($name:ident = $number:literal),* $(,)?) => {
        $(
            #[doc = concat!("`", stringify!($number), "`")]
            pub const $name: Tag = $number;
        )*
    };
}

tags! {
    BEGIN_SEQ_NO = 7,
    BEGIN_STRING = 8,
    BODY_LENGTH = 9,
    CHECK_SUM = 10,
    END_SEQ_NO = 16,
    MSG_SEQ_NUM = 34,
    MSG_TYPE = 35,
    NEW_SEQ_NO = 36,
    POSS_DUP_FLAG = 43,
    REF_SEQ_NUM = 45,
    SENDER_COMP_ID = 49,
    SENDER_SUB_ID = 50,
    SENDING_TIME = 52,
    SYMBOL = 55,
    TARGET_COMP_ID = 56,
    TARGET_SUB_ID = 57,
    TEXT = 58,
    RAW_DATA = 96,
    POSS_RESEND = 97,
    ENCRYPT_METHOD = 98,
    HEART_BT_INT = 108,
    TEST_REQ_ID = 112,
    ORIG_SENDING_TIME = 122,
    GAP_FILL_FLAG = 123,
    RESET_SEQ_NUM_FLAG = 141,
    NO_RELATED_SYM = 146,
    MD_REQ_ID = 262,
    SUBSCRIPTION_REQUEST_TYPE = 263,
    MARKET_DEPTH = 264,
    MD_UPDATE_TYPE = 265,
    NO_MD_ENTRY_TYPES = 267,
    NO_MD_ENTRIES = 268,
    MD_ENTRY_TYPE = 269,
    MD_ENTRY_PX = 270,
    MD_ENTRY_SIZE = 271,
    MD_ENTRY_ID = 278,
    MD_UPDATE_ACTION = 279,
    MD_REQ_REJ_REASON = 281,
    SECURITY_REQ_ID = 320,
    SECURITY_RESPONSE_ID = 322,
    ENCODED_TEXT = 355,
    REF_TAG_ID = 371,
    REF_MSG_TYPE = 372,
    SESSION_REJECT_REASON = 373,
    BUSINESS_REJECT_REASON = 380,
    USERNAME = 553,
    PASSWORD = 554,
    SECURITY_LIST_REQUEST_TYPE = 559,
    SECURITY_REQUEST_RESULT = 560,
    NEW_PASSWORD = 925,
}

/// The tags of the standard header, except those of its repeating group.
pub(super) const HEADER: &[Tag] = &[
    8, 9, 35, 34, 43, 49, 50, 52, 56, 57, 90, 91, 97, 115, 116, 122, 128, 129, 142, 143, 144, 145,
    212, 213, 347, 369, 627,
];

/// The field whose length another field states: raw data may contain separators.
pub(super) fn data_of(length: Tag) -> Option<Tag> {
    Some(match length {
        90 => 91,
        93 => 89,
        95 => 96,
        212 => 213,
        348 => 349,
        350 => 351,
        352 => 353,
        354 => 355,
        356 => 357,
        358 => 359,
        360 => 361,
        362 => 363,
        364 => 365,
        445 => 446,
        618 => 619,
        621 => 622,
        _ => return None,
    })
}
