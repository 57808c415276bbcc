// How clients read what they are told: JSON members, forms, times, networks. Of no use to the code that is tested, and
// without any of it.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace watchword::simulation {

// Empty for what is not a JSON object.
boost::json::object parsed(std::string_view body);
// Empty, or nothing, when there is no such member of that type.
std::string text(const boost::json::object& in, std::string_view name);
std::optional<int64_t> number(const boost::json::object& in, std::string_view name);
// The texts of an array, sorted.
std::vector<std::string> texts(const boost::json::object& in, std::string_view name);
boost::json::array list(const std::vector<std::string>& all);

// One member of a form or query, decoded; empty when absent.
std::string form_value(const std::string& form, const std::string& name);
std::string percent_encoded(std::string_view raw);

// RFC 3339 in UTC; -1 for what is none.
int64_t time_ms(const std::string& rfc3339);
std::string rfc3339(int64_t ms);

// Whether an IPv4 address lies in a network; nothing when one of them is not IPv4.
std::optional<bool> within(const std::string& address, const std::string& network);

}  // namespace watchword::simulation
