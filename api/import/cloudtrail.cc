// AWS CloudTrail records: who did what, from where, with which key, and how it went. Only named
// members are taken, so that no secret of a request or an answer can come along.
#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>

#include "api/import/record.h"
#include "events/base/address.h"
#include "events/base/time.h"

namespace watchword::import {
namespace {

namespace json = boost::json;

constexpr std::string_view kHidden = "HIDDEN_DUE_TO_SECURITY_REASONS";

// Empty: absent, null, another type, or masked by AWS itself.
std::string text_of(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  const json::string* text = found ? found->if_string() : nullptr;
  return text && *text != kHidden ? std::string(*text) : "";
}

const json::object& object_of(const json::object& object, std::string_view name) {
  static const json::object kNone;
  const json::value* found = object.if_contains(name);
  return found && found->is_object() ? found->get_object() : kNone;
}

// CloudTrail writes truth as true, LookupEvents as "true".
std::string truth_of(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  if (found && found->is_bool()) return found->get_bool() ? "true" : "false";
  return text_of(object, name);
}

uint64_t count_of(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  if (!found || !found->is_number()) return 0;
  const double number = found->to_number<double>();
  return number > 0 && number < 9e15 ? static_cast<uint64_t>(number) : 0;
}

std::string first_of(std::initializer_list<std::string> candidates) {
  for (const std::string& candidate : candidates)
    if (!candidate.empty()) return candidate;
  return {};
}

std::string before(const std::string& text, char mark) { return text.substr(0, text.find(mark)); }
std::string after(const std::string& text, char mark) {
  const size_t at = text.find(mark);
  return at == text.npos ? "" : text.substr(at + 1);
}

// "2019-01-01 00:00:00" and "…+11:00" stand where RFC 3339 is meant.
std::optional<int64_t> time_of(const json::object& record) {
  std::string text = first_of({text_of(record, "eventTime"), text_of(record, "@timestamp"),
                               text_of(record, "p_event_time")});
  if (text.size() > 10 && text[10] == ' ') text[10] = 'T';
  const bool zoned = text.size() > 19 && text.find_first_of("Zz+-", 19) != text.npos;
  return parse_rfc3339(zoned ? text : text + "Z");
}

// arn:aws:sts::1:assumed-role/ROLE/SESSION → arn:aws:iam::1:role/ROLE
std::string role_in(const std::string& arn) {
  const size_t role = arn.find(":assumed-role/"), sts = arn.find(":sts:");
  if (role == arn.npos || sts == arn.npos || sts > role) return {};
  const std::string name = before(arn.substr(role + 14), '/');
  return arn.substr(0, sts) + ":iam:" + arn.substr(sts + 5, role - sts - 5) + ":role/" + name;
}

std::string assumed_role(const json::object& identity) {
  const json::object& issuer = object_of(object_of(identity, "sessionContext"), "sessionIssuer");
  return first_of({text_of(issuer, "arn"), role_in(text_of(identity, "arn")),
                   before(text_of(identity, "principalId"), ':')});
}

std::string account_user(const json::object& identity) {
  const std::string account = text_of(identity, "accountId"), name = text_of(identity, "userName");
  return account.empty() || name.empty() ? account + name : account + "/" + name;
}

std::string service_name(const json::object& identity) {
  const std::string service = text_of(identity, "invokedBy");
  return service.empty() ? "" : "aws-service:" + service;
}

std::string root_name(const json::object& identity) {
  const std::string account = text_of(identity, "accountId");
  return first_of(
      {text_of(identity, "arn"), account.empty() ? "root" : "arn:aws:iam::" + account + ":root"});
}

// The role is the principal of an assumed role; its sessions come and go. "unknown" where a record
// names nobody.
std::string subject_of(const json::object& identity) {
  const std::string type = text_of(identity, "type"), account = text_of(identity, "accountId");
  const std::string principal = text_of(identity, "principalId");
  if (type.empty() || type == "AWSService")
    if (const std::string service = service_name(identity); !service.empty()) return service;
  if (type == "AssumedRole")
    if (const std::string role = assumed_role(identity); !role.empty()) return role;
  if (type == "Root") return root_name(identity);
  if (account == "ANONYMOUS_PRINCIPAL") return "anonymous";
  if (type == "AWSAccount")
    return "aws-account:" + account + (principal.empty() ? "" : "/" + principal);
  return first_of({text_of(identity, "arn"), before(principal, ':'), account_user(identity),
                   service_name(identity), "unknown"});
}

struct Named {
  std::string_view name, action;
};
// Calls that have a meaning of their own; any other is api.call.
constexpr auto kActions = std::to_array<Named>({
    {"ConsoleLogin", "auth.login"},
    {"SwitchRole", "auth.switch-role"},
    {"CheckMfa", "mfa.challenge"},
    {"AssumeRole", "token.issue"},
    {"AssumeRoleWithSAML", "token.issue"},
    {"AssumeRoleWithWebIdentity", "token.issue"},
    {"GetSessionToken", "token.issue"},
    {"GetFederationToken", "token.issue"},
    {"CreateAccessKey", "credential.create"},
    {"CreateLoginProfile", "credential.create"},
    {"UpdateLoginProfile", "credential.create"},
    {"CreateServiceSpecificCredential", "credential.create"},
    {"CreateKeyPair", "credential.create"},
    {"ImportKeyPair", "credential.create"},
    {"UploadSSHPublicKey", "credential.create"},
    {"AddUserToGroup", "privilege.change"},
    {"AttachGroupPolicy", "privilege.change"},
    {"AttachRolePolicy", "privilege.change"},
    {"AttachUserPolicy", "privilege.change"},
    {"CreateUser", "privilege.change"},
    {"PutGroupPolicy", "privilege.change"},
    {"PutRolePolicy", "privilege.change"},
    {"PutUserPolicy", "privilege.change"},
    {"UpdateAssumeRolePolicy", "privilege.change"},
    {"GetSecretValue", "secret.read"},
    {"GetPasswordData", "secret.read"},
});

std::string_view action_of(std::string_view event_name) {
  const auto found = std::ranges::find(kActions, event_name, &Named::name);
  return found == kActions.end() ? "api.call" : found->action;
}

// Lambda writes its version behind the name: UpdateFunctionCode20150331v2.
std::string without_version(const std::string& name) {
  size_t end = name.size();
  const auto digit = [&](size_t at) { return name[at] >= '0' && name[at] <= '9'; };
  size_t version = end;
  while (version > 0 && digit(version - 1)) --version;
  if (version > 0 && version < end && name[version - 1] == 'v') end = version - 1;
  size_t date = end;
  while (date > 0 && digit(date - 1)) --date;
  return end - date == 8 ? name.substr(0, date) : name;
}

std::string endpoint_of(const json::object& record) {
  std::string service = text_of(record, "eventSource");
  if (service.ends_with(".amazonaws.com")) service.resize(service.size() - 14);
  return service + ":" + without_version(text_of(record, "eventName"));
}

bool holds_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words,
                             [&](std::string_view word) { return text.find(word) != text.npos; });
}

// A refusal is one of permission or of the credential; throttling and things not found are everyday
// life and say neither.
std::string_view outcome_of(const json::object& record) {
  if (text_of(record, "eventName") == "ConsoleLogin") {
    const std::string login = text_of(object_of(record, "responseElements"), "ConsoleLogin");
    if (login == "Success") return "success";
    return login == "Failure" || !text_of(record, "errorMessage").empty() ? "failure" : "";
  }
  const std::string code = text_of(record, "errorCode");
  if (code.empty()) return "success";
  if (holds_any(code, {"AccessDenied", "Unauthorized", "Forbidden"})) return "denied";
  if (holds_any(code, {"AuthFailure", "InvalidClientTokenId", "SignatureDoesNotMatch",
                       "ExpiredToken", "UnrecognizedClient", "FailedAuthentication"}))
    return "failure";
  return "";
}

constexpr std::string_view kResourceNames[] = {
    "roleArn",
    "secretId",
    "functionName",
    "keyId",
    "bucketName",
    "instanceId",
    "dBInstanceIdentifier",
    "userName",
    "roleName",
    "policyArn",
    "snapshotId",
    "vpcId",
    "resourceId",
    "trailName",
    "topicArn",
    "queueUrl",
    "tableName",
    "resourceArn",
    "groupName",
    "name",
};

std::string resource_of(const json::object& record) {
  if (const json::value* found = record.if_contains("resources"); found && found->is_array())
    for (const json::value& resource : found->get_array())
      if (resource.is_object())
        if (std::string arn = first_of(
                {text_of(resource.get_object(), "ARN"), text_of(resource.get_object(), "arn")});
            !arn.empty())
          return arn;
  const json::object& parameters = object_of(record, "requestParameters");
  for (const std::string_view name : kResourceNames)
    if (std::string value = text_of(parameters, name); !value.empty()) return value;
  return {};
}

// A session of the console or of a role, so that its calls and its login can be told from others of
// the same principal.
std::string session_of(const json::object& record, const json::object& identity) {
  if (text_of(identity, "type") == "AssumedRole") return text_of(identity, "principalId");
  const json::object& attributes = object_of(object_of(identity, "sessionContext"), "attributes");
  const bool login = text_of(record, "eventName") == "ConsoleLogin";
  const std::string since =
      text_of(login ? record : attributes, login ? "eventTime" : "creationDate");
  return since.empty() ? "" : subject_of(identity) + "#" + since;
}

std::string mfa_of(const json::object& record, const json::object& identity) {
  const std::string used = text_of(object_of(record, "additionalEventData"), "MFAUsed");
  if (!used.empty()) return used == "Yes" ? "true" : "false";
  return text_of(object_of(object_of(identity, "sessionContext"), "attributes"),
                 "mfaAuthenticated");
}

// With invokedBy the principal caused the call and the service made it: the address says nothing
// about the principal.
void set_network(const json::object& record, const json::object& identity, Seen& seen) {
  const std::string text = text_of(record, "sourceIPAddress"),
                    service = text_of(identity, "invokedBy");
  const auto address = Address::parse(text);
  if (address && service.empty())
    seen.source_ip = address->text();
  else
    seen.add("source_address", text);
  seen.add("invoked_by", service);
}

void set_agent(const json::object& record, Seen& seen) {
  std::string agent = text_of(record, "userAgent");
  if (agent.size() > 2 && agent.front() == '[' && agent.back() == ']')
    agent = agent.substr(1, agent.size() - 2);
  seen.user_agent = std::move(agent);
}

void add_attributes(const json::object& record, const json::object& identity, Seen& seen) {
  const json::object& answer = object_of(record, "responseElements");
  const std::string type = text_of(record, "eventType");
  seen.add("region", text_of(record, "awsRegion"));
  seen.add("error_code", text_of(record, "errorCode"));
  seen.add("event_type", type == "AwsApiCall" ? "" : type);
  seen.add("mfa", mfa_of(record, identity));
  seen.add("session_name", text_of(identity, "type") == "AssumedRole"
                               ? after(text_of(identity, "principalId"), ':')
                               : "");
  seen.add("child_key", text_of(object_of(answer, "credentials"), "accessKeyId"));
  seen.add("new_key", text_of(object_of(answer, "accessKey"), "accessKeyId"));
  seen.add("instance_keys", text_of(object_of(identity, "sessionContext"), "ec2RoleDelivery"));
  seen.add("from_console", truth_of(record, "sessionCredentialFromConsole"));
  seen.add("read_only", truth_of(record, "readOnly"));
  seen.add("shared_event_id", text_of(record, "sharedEventID"));
}

std::string source_of(const json::object& record, const json::object& identity) {
  return "cloudtrail:" + first_of({text_of(record, "recipientAccountId"),
                                   text_of(identity, "accountId"), "unknown"});
}

Result<> add_record(const json::object& record, LineIds& ids, std::vector<Record>& out) {
  if (text_of(record, "eventName").empty())
    return unreadable("no eventName: not a CloudTrail record");
  const auto time_ms = time_of(record);
  if (!time_ms) return unreadable("no eventTime, or one that is no time");
  const json::object& identity = object_of(record, "userIdentity");
  const json::object& extra = object_of(record, "additionalEventData");
  Seen seen;
  const std::string id = text_of(record, "eventID");
  seen.id =
      id.empty() || id.starts_with('<') ? ids.next("cloudtrail", json::serialize(record)) : id;
  seen.time_ms = *time_ms;
  seen.source = source_of(record, identity);
  seen.subject = subject_of(identity);
  seen.token_id = text_of(identity, "accessKeyId");
  seen.session_id = session_of(record, identity);
  seen.endpoint = endpoint_of(record);
  seen.action = action_of(without_version(text_of(record, "eventName")));
  seen.outcome = outcome_of(record);
  seen.resource = resource_of(record);
  seen.request_size = count_of(extra, "bytesTransferredIn");
  seen.response_size = count_of(extra, "bytesTransferredOut");
  set_agent(record, seen);
  set_network(record, identity, seen);
  add_attributes(record, identity, seen);
  out.push_back(record_of(seen));
  return Nothing{};
}

// Lenient on purpose: a record must not be lost because somebody could put an odd byte into it.
Result<json::value> parse_record(std::string_view text) {
  json::parse_options options;
  options.allow_invalid_utf8 = true;
  options.max_depth = 64;
  json::error_code error;
  json::value value = json::parse(text, error, {}, options);
  if (error) return unreadable("no JSON: " + error.message());
  if (!value.is_object()) return unreadable("no JSON object");
  return value;
}

const json::array* list_in(const json::object& object) {
  for (const std::string_view name : {"Records", "Events"})
    if (const json::value* found = object.if_contains(name); found && found->is_array())
      return &found->get_array();
  return nullptr;
}

Result<> add_any(const json::object& object, LineIds& ids, std::vector<Record>& out,
                 int wrappers = 0) {
  if (wrappers > 3) return unreadable("wrapped too often");
  if (const json::array* list = list_in(object)) {
    for (const json::value& element : *list) {
      if (!element.is_object()) return unreadable("a record that is no object");
      if (auto added = add_any(element.get_object(), ids, out, wrappers + 1); !added) return added;
    }
    return Nothing{};
  }
  if (const std::string inner = text_of(object, "CloudTrailEvent"); !inner.empty()) {
    const auto value = parse_record(inner);
    if (!value) return value.error();
    return add_any(value->get_object(), ids, out, wrappers + 1);
  }
  if (object.contains("detail-type"))
    return add_any(object_of(object, "detail"), ids, out, wrappers + 1);
  return add_record(object, ids, out);
}

}  // namespace

Parse cloudtrail_parser() {
  return [ids = LineIds()](std::string_view line, std::vector<Record>& out) mutable -> Result<> {
    if (line.find_first_not_of(" \t") == line.npos) return Nothing{};
    const auto value = parse_record(line);
    if (!value) return value.error();
    const size_t before_line = out.size();
    auto added = add_any(value->get_object(), ids, out);
    if (!added) out.resize(before_line);  // a line is taken whole or kept whole
    return added;
  };
}

}  // namespace watchword::import
