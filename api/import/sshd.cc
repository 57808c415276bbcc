// The authentication log of OpenSSH as syslog writes it: "Mar 27 13:08:09 host sshd[1361]:
// message", or with an RFC 3339 time.
#include <charconv>

#include "api/import/record.h"
#include "events/base/address.h"
#include "events/base/time.h"

namespace watchword::import {
namespace {

constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct Date {
  unsigned month = 0, day = 0;
  int64_t time_of_day_ms = 0;
};

struct Entry {
  int64_t time_ms = 0;
  std::string_view host, program, process, message;
};

// What comes before `separator` is taken off the front; nothing if it is not there.
std::optional<std::string_view> take_until(std::string_view& text, std::string_view separator) {
  const size_t at = text.find(separator);
  if (at == text.npos) return std::nullopt;
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at + separator.size());
  return taken;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<unsigned> number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "Mar 27 13:06:56 ", "Apr  1 05:46:54 ".
std::optional<Date> take_date(std::string_view& text) {
  if (text.size() < 16 || text[3] != ' ' || text[6] != ' ' || text[9] != ':' || text[12] != ':' ||
      text[15] != ' ')
    return std::nullopt;
  Date date;
  for (unsigned i = 0; i < 12; ++i)
    if (text.substr(0, 3) == kMonths[i]) date.month = i + 1;
  const auto day = number(text[4] == ' ' ? text.substr(5, 1) : text.substr(4, 2));
  const auto hour = number(text.substr(7, 2)), minute = number(text.substr(10, 2)),
             second = number(text.substr(13, 2));
  if (date.month == 0 || !day || *day < 1 || *day > 31) return std::nullopt;
  if (!hour || *hour > 23 || !minute || *minute > 59 || !second || *second > 60)
    return std::nullopt;
  date.day = *day;
  date.time_of_day_ms = *hour * kHourMs + *minute * kMinuteMs + *second * kSecondMs;
  text.remove_prefix(16);
  return date;
}

// The calendar that syslog does not write down.
class Years {
 public:
  explicit Years(const Options& options) : options_(options), year_(options.year.value_or(0)) {}

  int64_t time_ms(const Date& date) {
    if (!options_.year) return latest(date);
    if (last_month_ > date.month + 6) ++year_;  // December, then January
    last_month_ = date.month;
    return in_year(year_, date);
  }

 private:
  int64_t in_year(int64_t year, const Date& date) const {
    return days_from_civil(year, date.month, date.day) * kDayMs + date.time_of_day_ms -
           options_.utc_offset_ms;
  }
  // A log that was last written in January may begin in December of the year before.
  int64_t latest(const Date& date) const {
    int64_t year = 1969 + options_.anchor_ms / (366 * kDayMs);
    while (in_year(year + 1, date) <= options_.anchor_ms + kDayMs) ++year;
    return in_year(year, date);
  }

  Options options_;
  int64_t year_;
  unsigned last_month_ = 0;
};

std::optional<int64_t> take_time(std::string_view& line, Years& years) {
  if (const auto date = take_date(line)) return years.time_ms(*date);
  std::string_view rest = line;
  const auto first = take_until(rest, " ");
  const auto time_ms = first ? parse_rfc3339(*first) : std::nullopt;
  if (time_ms) line = rest;
  return time_ms;
}

std::optional<Entry> entry_of(std::string_view line, Years& years) {
  const auto time_ms = take_time(line, years);
  if (!time_ms) return std::nullopt;
  const auto host = take_until(line, " ");
  auto tag = take_until(line, ": ");
  if (!host || !tag) return std::nullopt;
  Entry entry{*time_ms, *host, *tag, {}, line};
  if (const auto program = take_until(*tag, "[")) {
    entry.program = *program;
    entry.process = tag->substr(0, tag->find(']'));
  }
  return entry;
}

struct Attempt {
  bool accepted = false, invalid_user = false;
  std::string_view method, user, address, port, key;
  unsigned count = 1;
};

// "203.0.113.7 port 4711 ssh2: RSA SHA256:…"; false if the text is something else.
bool read_peer(std::string_view text, Attempt& attempt) {
  const auto address = take_until(text, " port ");
  if (!address || address->find(' ') != address->npos) return false;
  const size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
  if (end == 0) return false;
  attempt.address = *address;
  attempt.port = text.substr(0, end);
  text.remove_prefix(end);
  if (!text.empty() && !text.starts_with(" ssh")) return false;
  const size_t key = text.find("SHA256:");
  attempt.key = key == text.npos ? std::string_view() : text.substr(key, text.find(' ', key) - key);
  return true;
}

// A user's name is chosen by whoever knocks and may itself read " from 10.0.0.1 port 22": the last
// such words are sshd's.
bool read_user(std::string_view text, Attempt& attempt) {
  for (size_t at = text.rfind(" from "); at != text.npos;
       at = at == 0 ? text.npos : text.rfind(" from ", at - 1)) {
    if (!read_peer(text.substr(at + 6), attempt)) continue;
    attempt.user = text.substr(0, at);
    attempt.invalid_user = take_prefix(attempt.user, "invalid user ");
    return true;
  }
  return false;
}

// Of the lines that one attempt leaves behind, only that which says how it ended.
std::optional<Attempt> attempt_of(std::string_view message) {
  Attempt attempt;
  if (take_prefix(message, "message repeated ")) {
    const auto count = number(take_until(message, " times: [ ").value_or(""));
    if (!count || *count == 0 || !message.ends_with(']')) return std::nullopt;
    attempt.count = *count;
    message.remove_suffix(1);
  }
  attempt.accepted = take_prefix(message, "Accepted ");
  if (!attempt.accepted && !take_prefix(message, "Failed ")) return std::nullopt;
  const auto method = take_until(message, " for ");
  // Every client first asks with "none" which methods there are.
  if (!method || *method == "none") return std::nullopt;
  attempt.method = *method;
  return read_user(message, attempt) ? std::optional(attempt) : std::nullopt;
}

Seen seen_of(const Entry& entry, const Attempt& attempt) {
  Seen seen;
  seen.source = "sshd:" + std::string(entry.host);
  seen.subject = std::string(attempt.user) + "@" + std::string(entry.host);
  seen.time_ms = entry.time_ms;
  seen.action = "auth.login";
  seen.outcome = attempt.accepted ? "success" : "failure";
  seen.endpoint = "ssh";
  seen.token_id = attempt.key;
  if (attempt.accepted)
    seen.session_id =
        std::string(entry.host) + "/" + std::string(entry.process) + "/" + rfc3339(entry.time_ms);
  if (const auto address = Address::parse(attempt.address))
    seen.source_ip = address->text();
  else
    seen.add("source_address", std::string(attempt.address));
  seen.count = attempt.count > 1 ? attempt.count : 0;
  seen.add("method", std::string(attempt.method));
  seen.add("port", std::string(attempt.port));
  seen.add("invalid_user", attempt.invalid_user ? "true" : "");
  return seen;
}

}  // namespace

Parse sshd_parser(const Options& options) {
  return [years = Years(options), ids = LineIds()](std::string_view line,
                                                   std::vector<Record>& out) mutable -> Result<> {
    if (line.find_first_not_of(" \t") == line.npos) return Nothing{};
    const auto entry = entry_of(line, years);
    if (!entry) return unreadable("not \"time host program[process]: message\"");
    if (entry->program != "sshd" && entry->program != "sshd-session") return Nothing{};
    const auto attempt = attempt_of(entry->message);
    if (!attempt) return Nothing{};
    Seen seen = seen_of(*entry, *attempt);
    seen.id = ids.next("sshd", rfc3339(entry->time_ms) + " " + std::string(entry->host) + " " +
                                   std::string(entry->process) + " " + std::string(entry->message));
    out.push_back(record_of(seen));
    return Nothing{};
  };
}

}  // namespace watchword::import
