// Bytes that must decode for ever: one file for each version of each fact, in schemas/samples/.
#pragma once
#include <google/protobuf/message.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace watchword::samples {

// `<name>-<number>.sample`: the message's full name, its bytes in hex, an empty line, its text format.
struct Sample {
  std::string file;     // "identity.registered-1.sample"
  std::string subject;  // "identity.registered"
  std::string message;  // "watchword.v1.Event"
  std::string bytes;
  std::string text;
};

// Something that must have samples: a fact, or another record of the journal.
struct Subject {
  std::string name;     // "identity.registered", "observation"
  const google::protobuf::Descriptor* message;
  std::vector<const google::protobuf::FieldDescriptor*> path;  // from the message to the fact
};

// Every fact of every aggregate that an Event may carry, and Observation, Judged and Frame; read from the descriptors.
std::vector<Subject> subjects();

// All samples of the tree, by subject, in the order of their numbers.
std::map<std::string, std::vector<Sample>> load_samples();

// A sample as a message of the generated code. Nothing when the name is unknown or the bytes do not parse.
std::unique_ptr<google::protobuf::Message> decode(const Sample& sample);
// The message that its text format describes; nothing when that does not parse.
std::unique_ptr<google::protobuf::Message> expected(const Sample& sample);
std::string encode(const google::protobuf::Message& message);

// Field paths that `message` sets, and those that a full message of the subject sets: "identity.registered.limits.time_zone".
std::set<std::string> set_fields(const google::protobuf::Message& message);
std::set<std::string> all_fields(const Subject& subject);

// Writes a further sample, with all fields set, for each subject whose samples leave a field out. Never changes a file.
// Returns the names of the files written.
std::vector<std::string> add_missing_samples();

}  // namespace watchword::samples
