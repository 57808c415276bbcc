#include "tests/integration/hostile/forger.h"

#include "events/crypto/encoding.h"
#include "events/crypto/hash.h"
#include "events/crypto/jwt.h"

namespace watchword::testing {
namespace {

using crypto::base64url;
using std::string;
using std::string_view;
using Texts = std::vector<string>;

constexpr string_view kOrderHex =
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

string quoted(string_view text) { return '"' + string(text) + '"'; }

string header_with(string_view algorithm, string_view kid, string_view more = {}) {
  string out = R"({"alg":)" + string(algorithm) + R"(,"typ":"at+jwt")";
  if (!kid.empty()) out.append(R"(,"kid":)").append(kid);
  return out.append(more) + "}";
}

class Forger {
 public:
  explicit Forger(const Victim& victim)
      : victim_(victim),
        own_(opened(victim.token)),
        key_(crypto::SigningKey::generate(crypto::Algorithm::es256)) {}

  void without_signature() {
    for (const std::string& name :
         Texts{"none", "None", "NONE", "nOnE", "none ", " none", "", "nul", "\\u006eone"})
      for (const std::string& claims : Texts{own_.claims, victim_.other_claims}) {
        add("alg " + name, compact(header_with(quoted(name), quoted(victim_.kid)), claims, ""));
        add("alg " + name + ", signed",
            compact(header_with(quoted(name), quoted(victim_.kid)), claims, own_.signature));
        add("alg " + name + ", two parts",
            base64url(header_with(quoted(name), "")) + "." + base64url(claims));
      }
    for (const std::string& value :
         Texts{"null", "[]", R"(["ES256"])", R"(["none","ES256"])", "0", "false", "{}"})
      add("alg is " + value,
          compact(header_with(value, quoted(victim_.kid)), own_.claims, own_.signature));
    add("signature stripped", compact(own_.header, own_.claims, ""));
    add("no alg", compact(R"({"typ":"at+jwt"})", own_.claims, own_.signature));
  }

  void with_public_key_as_secret() {
    const string x = member("x"), y = member("y");
    for (const std::string& secret :
         Texts{victim_.public_jwk, "{\"keys\":[" + victim_.public_jwk + "]}", victim_.kid, string(),
               x, y, *crypto::from_base64url(x) + *crypto::from_base64url(y), pem(x, y),
               pem(x, y) + "\n"})
      for (const std::string& name : Texts{"HS256", "hs256", "ES256"}) {
        const string text = base64url(header_with(quoted(name), quoted(victim_.kid))) + "." +
                            base64url(victim_.other_claims);
        add(name + " keyed by the public key",
            text + "." + base64url(crypto::view(crypto::hmac_sha256(secret, text))));
      }
    for (const std::string& name : Texts{"HS384", "HS512", "RS256", "PS256", "ES384", "ES256K",
                                         "EdDSA", "es256", "ES256 ", "dir"})
      add("alg " + name + " instead",
          compact(header_with(quoted(name), quoted(victim_.kid)), own_.claims, own_.signature));
  }

  void with_a_key_of_its_own() {
    const string jwk = key_.verify_key().jwk(), url = quoted(victim_.url);
    const string set = "{\"keys\":[" + jwk + "]}";
    signed_by_forger("same kid", quoted(victim_.kid));
    signed_by_forger("own kid", quoted(key_.kid()));
    signed_by_forger("no kid", "");
    for (const std::string& more :
         Texts{",\"jwk\":" + jwk, ",\"jku\":" + url, ",\"x5u\":" + url,
               string(",\"x5c\":[\"MIIB\"]"), ",\"jwks\":" + set,
               ",\"jku\":" + url + ",\"jwk\":" + jwk, ",\"url\":" + url + ",\"iss\":" + url,
               ",\"x5t\":" + quoted(key_.kid()), string(",\"crit\":[]"),
               string(R"(,"crit":["exp"])"), string(R"(,"crit":["b64"],"b64":false)")}) {
      signed_by_forger("header" + more, quoted(victim_.kid), more);
      add("header" + more + ", victim's signature",
          compact(header_with("\"ES256\"", quoted(victim_.kid), more), own_.claims,
                  own_.signature));
    }
    for (const std::string& kid :
         Texts{"../../../../dev/null", "/proc/self/environ", "' UNION SELECT 'x", "x' OR '1'='1",
               "$(id)", "`id`", "|id", "%00", "\\u0000", "*", "?", ".", "file:///dev/null",
               "{{7*7}}", "\\r\\nX: y"})
      signed_by_forger("kid " + kid, quoted(kid));
    for (const std::string& kid :
         Texts{"null", "7", "[]", "{}", "true", R"([")" + victim_.kid + R"("])"})
      signed_by_forger("kid is " + kid, kid);
    signed_by_forger("huge kid", quoted(string(5'000, 'k')));
    signed_by_forger("url as kid", url);
    signed_by_forger("kid twice", quoted(victim_.kid), ",\"kid\":" + quoted(key_.kid()));
    signed_by_forger("alg twice", quoted(victim_.kid), R"(,"alg":"none")");
    signed_by_forger("alg twice by an escape", quoted(victim_.kid), R"(,"\u0061lg":"none")");
  }

  void with_other_text() {
    const auto dots = [&](size_t which) {
      const size_t first = victim_.token.find('.'), second = victim_.token.find('.', first + 1);
      return which == 0 ? first : second;
    };
    const string& token = victim_.token;
    string padded = token;
    padded.insert(dots(1), "=").insert(dots(0), "=");
    for (const auto& [name, text] : std::vector<std::pair<string, string>>{
             {"padding behind", token + "="},
             {"more padding", token + "=="},
             {"padding in each part", padded},
             {"a dot behind", token + "."},
             {"a dot before", "." + token},
             {"a part more", token + ".x"},
             {"five parts", token + ".x.y"},
             {"twice", token + token},
             {"twice with a dot", token + "." + token},
             {"a letter behind", token + "A"},
             {"four letters behind", token + "AAAA"},
             {"tilde behind", token + "~"},
             {"cut by one", token.substr(0, token.size() - 1)},
             {"space behind", token + " "},
             {"space before", " " + token},
             {"line feed behind", token + "\n"},
             {"tab inside", string(token).insert(20, "\t")},
             {"NUL behind", token + string(1, '\0')},
             {"NUL and more", token + string(1, '\0') + "x"},
             {"percent-encoded again", string(token).replace(dots(0), 1, "%2e")},
             {"zero width", token + "\xe2\x80\x8b"},
             {"other alphabet", swapped(token)},
             {"lower case", lower(token)},
             {"quoted", quoted(token)},
             {"JSON serialisation", R"({"payload":"x","protected":"y","signature":"z"})"}})
      if (text != token) add(name, text);
    for (const size_t end : {dots(0), dots(1), token.size()}) add_trailing_bits(end);
  }

  void with_other_signatures() {
    const string zero(32, '\0'), one = string(31, '\0') + '\1', order = p256_order(),
                                 most(32, '\xff');
    const string r = own_.signature.substr(0, 32), s = own_.signature.substr(32);
    string above = order;
    ++above.back();
    for (const auto& [name, bytes] :
         std::vector<std::pair<string, string>>{{"all zero", zero + zero},
                                                {"r zero", zero + s},
                                                {"s zero", r + zero},
                                                {"both one", one + one},
                                                {"r the order", order + s},
                                                {"s the order", r + order},
                                                {"both the order", order + order},
                                                {"r above the order", above + s},
                                                {"s above the order", r + above},
                                                {"all ones", most + most},
                                                {"swapped", s + r},
                                                {"r twice", r + r},
                                                {"negated r", order_minus(r) + s},
                                                {"one byte short", own_.signature.substr(0, 63)},
                                                {"one byte more", own_.signature + '\0'},
                                                {"a zero before each", '\0' + r + '\0' + s},
                                                {"r alone", r},
                                                {"twice", own_.signature + own_.signature},
                                                {"DER", der(r, s)},
                                                {"a bit changed", flipped(own_.signature)},
                                                {"4 KB", string(4'096, 'x')}})
      add("signature: " + name, compact(own_.header, own_.claims, bytes));
  }

  void with_other_claims() {
    add("claims exchanged", compact(own_.header, victim_.other_claims, own_.signature));
    add("claims with a space", compact(own_.header, own_.claims + " ", own_.signature));
    add("header with a space", compact(own_.header + " ", own_.claims, own_.signature));
    add("a claim twice",
        compact(own_.header, own_.claims.substr(0, own_.claims.size() - 1) + R"(,"sub":"x"})",
                own_.signature));
    add("claims empty", compact(own_.header, "{}", own_.signature));
    add("claims no object", compact(own_.header, "[]", own_.signature));
    add("claims no text", compact(own_.header, "\xff\xfe", own_.signature));
    add("claims with a byte order mark",
        compact(own_.header, "\xef\xbb\xbf" + own_.claims, own_.signature));
    add("deep header",
        compact(R"({"alg":"ES256","x":)" + string(3'000, '[') + string(3'000, ']') + "}",
                own_.claims, own_.signature));
    add("deep claims",
        compact(own_.header, R"({"x":)" + string(3'000, '[') + string(3'000, ']') + "}",
                own_.signature));
    add("8 KB more", compact(own_.header,
                             own_.claims.substr(0, own_.claims.size() - 1) + R"(,"x":")" +
                                 string(8'192, 'x') + "\"}",
                             own_.signature));
    add("900 KB", string(300'000, 'a') + "." + string(300'000, 'b') + "." + string(300'000, 'c'));
    add("dots alone", string(8'000, '.'));
    add("two dots", "..");
    add("nothing but signature", ".." + base64url(own_.signature));
  }

  std::vector<Forgery> take() { return std::move(made_); }

 private:
  void add(string name, string token) { made_.push_back({std::move(name), std::move(token)}); }

  void signed_by_forger(const string& name, string_view kid, string_view more = {}) {
    for (const std::string& claims : Texts{own_.claims, victim_.other_claims}) {
      const string text = base64url(header_with("\"ES256\"", kid, more)) + "." + base64url(claims);
      add("forger's key, " + name, text + "." + base64url(key_.sign(text)));
    }
  }

  // Other letters that decode to the same bytes where the last letter's spare bits are not looked
  // at.
  void add_trailing_bits(size_t end) {
    static constexpr string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    string text = victim_.token;
    const size_t value = kAlphabet.find(text[end - 1]);
    const size_t begin = text.rfind('.', end - 1) == text.npos || end == text.find('.')
                             ? 0
                             : text.rfind('.', end - 1) + 1;
    const size_t spare = (end - begin) % 4 == 2 ? 16 : (end - begin) % 4 == 3 ? 4 : 1;
    for (size_t bits = 1; bits < spare; ++bits) {
      text[end - 1] = kAlphabet[(value & ~(spare - 1)) | ((value + bits) & (spare - 1))];
      add("trailing bits " + std::to_string(bits), text);
    }
  }

  string member(const string& name) const {
    const string mark = '"' + name + "\":\"";
    const size_t at = victim_.public_jwk.find(mark) + mark.size();
    return victim_.public_jwk.substr(at, victim_.public_jwk.find('"', at) - at);
  }
  static string pem(const string& x, const string& y) {
    const string der = *crypto::from_hex("3059301306072a8648ce3d020106082a8648ce3d03010703420004") +
                       *crypto::from_base64url(x) + *crypto::from_base64url(y);
    string text = swapped(base64url(der)) + "=";
    for (size_t at = 64; at < text.size(); at += 65) text.insert(at, "\n");
    return "-----BEGIN PUBLIC KEY-----\n" + text + "\n-----END PUBLIC KEY-----";
  }
  static string swapped(string text) {
    for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
    return text;
  }
  static string lower(string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(c));
    return text;
  }
  static string flipped(string bytes) {
    bytes[40] = static_cast<char>(bytes[40] ^ 1);
    return bytes;
  }
  static string der_number(string bytes) {
    if ((bytes[0] & 0x80) != 0) bytes.insert(0, 1, '\0');
    return string("\x02") + static_cast<char>(bytes.size()) + bytes;
  }
  static string der(const string& r, const string& s) {
    const string body = der_number(r) + der_number(s);
    return string("\x30") + static_cast<char>(body.size()) + body;
  }

  const Victim& victim_;
  const Opened own_;
  const crypto::SigningKey key_;
  std::vector<Forgery> made_;
};

}  // namespace

std::string compact(std::string_view header, std::string_view claims, std::string_view signature) {
  return base64url(header) + "." + base64url(claims) + "." + base64url(signature);
}

Opened opened(std::string_view token) {
  const size_t first = token.find('.'), second = token.find('.', first + 1);
  return {crypto::from_base64url(token.substr(0, first)).value_or(""),
          crypto::from_base64url(token.substr(first + 1, second - first - 1)).value_or(""),
          crypto::from_base64url(token.substr(second + 1)).value_or("")};
}

std::vector<Forgery> forgeries(const Victim& victim) {
  Forger forger(victim);
  forger.without_signature();
  forger.with_public_key_as_secret();
  forger.with_a_key_of_its_own();
  forger.with_other_text();
  forger.with_other_signatures();
  forger.with_other_claims();
  return forger.take();
}

std::string p256_order() { return *crypto::from_hex(kOrderHex); }

std::string order_minus(std::string_view number) {
  string out = p256_order();
  int borrow = 0;
  for (size_t i = out.size(); i-- > 0;) {
    const int left = static_cast<uint8_t>(out[i]) - static_cast<uint8_t>(number[i]) - borrow;
    borrow = left < 0;
    out[i] = static_cast<char>(left & 0xff);
  }
  return out;
}

}  // namespace watchword::testing
