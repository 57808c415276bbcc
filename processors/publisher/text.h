// JSON as text for people and machines: numbers in plain decimals ("0.9966", where the library writes 9.966E-1).
#pragma once
#include <boost/json/value.hpp>
#include <string>

namespace watchword::publisher {

std::string to_text(const boost::json::value& value);

}  // namespace watchword::publisher
