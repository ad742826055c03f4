//! The `Date` header (RFC 9110, 6.6.1), made once for each second.

use std::fmt::Write as _;

use time::OffsetDateTime;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The text of the second that was asked for last.
#[derive(Debug, Default)]
pub(super) struct Date {
    second: Option<i64>,
    text: String,
}

impl Date {
    /// `now` as it stands in the header; `now` is in UTC.
    pub(super) fn at(&mut self, now: OffsetDateTime) -> &str {
        let second = now.unix_timestamp();
        if self.second != Some(second) {
            self.second = Some(second);
            self.text.clear();
            // Writing to a string cannot fail.
            put(&mut self.text, now).unwrap_or_default();
        }
        &self.text
    }
}

fn put(text: &mut String, now: OffsetDateTime) -> std::fmt::Result {
    let day = usize::from(now.weekday().number_days_from_monday());
    let month = usize::from(u8::from(now.month())).saturating_sub(1);
    let (day, month) = (DAYS.get(day).copied(), MONTHS.get(month).copied());
    let (day, month) = (day.unwrap_or_default(), month.unwrap_or_default());
    let (date, year) = (now.day(), now.year());
    let (hour, minute, second) = now.to_hms();
    write!(text, "{day}, {date:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn the_date_is_that_of_the_standard_and_goes_on() {
        let mut date = Date::default();
        assert_eq!(date.at(datetime!(1994-11-06 08:49:37 UTC)), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(date.at(datetime!(1994-11-06 08:49:37.9 UTC)), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(date.at(datetime!(2024-02-29 23:59:59 UTC)), "Thu, 29 Feb 2024 23:59:59 GMT");
    }
}
