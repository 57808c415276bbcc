// Addresses and networks. Input: two texts, a line feed between them.
#include "events/policy/cidr.h"

#include <arpa/inet.h>

#include "tests/fuzz/target.h"

namespace watchword::fuzz {
namespace {

bool system_accepts(const std::string& text) {
  uint8_t bytes[16];
  return inet_pton(AF_INET, text.c_str(), bytes) == 1 ||
         inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

void require_address(std::string_view text, const Address& address) {
  require(address.size == 4 || address.size == 16, "an address of one of two sizes");
  require(system_accepts(std::string(text)), "what is accepted is an address to the system");
  const auto again = Address::parse(address.text());
  require(again == address, "an address prints as one that reads the same");
  require(Address::from_view(address.view()) == address, "its bytes are all of it");
  char printed[INET6_ADDRSTRLEN];
  inet_ntop(address.is_ipv4() ? AF_INET : AF_INET6, address.bytes.data(), printed, sizeof printed);
  require(address.text() == printed, "as the system prints it");
  require(address.truncated(address.bits()) == address, "a whole prefix keeps all of it");
}

bool bit(const Address& address, unsigned at) {
  return (address.bytes[at / 8] >> (7 - at % 8) & 1) != 0;
}

bool contains_slowly(const policy::Cidr& network, const Address& address) {
  if (network.network.size != address.size) return false;
  for (unsigned at = 0; at < network.prefix; ++at)
    if (bit(network.network, at) != bit(address, at)) return false;
  return true;
}

void require_network(const policy::Cidr& network, std::string_view text) {
  require(text.find('/') != text.npos, "a prefix is written out");
  require(network.prefix <= network.network.bits(), "a prefix within the address");
  require(network.network.truncated(network.prefix) == network.network, "no bit beyond the prefix");
  const auto again = policy::Cidr::parse(network.text());
  require(again && *again == network && again->text() == network.text(), "canonical text");
  require(network.contains(network.network), "a network holds its own first address");
}

void run(std::string_view input) {
  Pieces pieces(input);
  const auto first = pieces.until('\n'), second = pieces.rest();
  const auto network = policy::Cidr::parse(first);
  const auto address = Address::parse(second);
  if (address) require_address(second, *address);
  if (const auto other = Address::parse(first)) require_address(first, *other);
  if (!network) return;
  require_network(*network, first);
  if (!address) return;
  require(network->contains(*address) == contains_slowly(*network, *address), "bit by bit");
  require(network->contains(*address) == (address->size == network->network.size &&
                                          address->truncated(network->prefix) == network->network),
          "truncating and comparing says the same");
}

const Registered kTarget{{"cidr", run, 256}};

}  // namespace
}  // namespace watchword::fuzz
