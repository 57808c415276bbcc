#include "tests/unit/schemas/samples.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "schemas/frame.pb.h"

namespace watchword::samples {
namespace {

namespace fs = std::filesystem;
namespace pb = google::protobuf;

const fs::path kFolder = fs::path(WATCHWORD_SOURCE) / "schemas/samples";

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (unsigned char byte : bytes) (hex += kDigits[byte >> 4]) += kDigits[byte & 15];
  return hex;
}

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return bytes;
}

Sample read_sample(const fs::path& path) {
  std::ifstream in(path);
  Sample sample{.file = path.filename(), .subject = path.stem(), .message = {}, .bytes = {}, .text = {}};
  sample.subject.resize(sample.subject.rfind('-'));
  std::getline(in, sample.message);
  std::string hex;
  for (std::string line; std::getline(in, line) && !line.empty();) hex += line;
  sample.bytes = from_hex(hex);
  sample.text.assign(std::istreambuf_iterator<char>(in), {});
  return sample;
}

std::unique_ptr<pb::Message> make(const std::string& name) {
  const auto* type = pb::DescriptorPool::generated_pool()->FindMessageTypeByName(name);
  if (!type) return nullptr;
  return std::unique_ptr<pb::Message>(pb::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

void collect_all(const pb::Descriptor* type, const std::string& prefix, std::set<std::string>& found) {
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    const std::string path = prefix + field->name();
    found.insert(path);
    // What an entry of a frame may be has samples of its own.
    if (field->message_type() && field->message_type() != v1::Entry::descriptor())
      collect_all(field->message_type(), path + ".", found);
  }
}

void collect_set(const pb::Message& message, const std::string& prefix, std::set<std::string>& found) {
  const auto* reflection = message.GetReflection();
  std::vector<const pb::FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const auto* field : fields) {
    const std::string path = prefix + field->name();
    found.insert(path);
    if (!field->message_type()) continue;
    if (!field->is_repeated()) {
      collect_set(reflection->GetMessage(message, field), path + ".", found);
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i)
      collect_set(reflection->GetRepeatedMessage(message, field, i), path + ".", found);
  }
}

// Sets every field to a value that differs from field to field and is never the default.
class Filler {
 public:
  // Of a oneof, `chosen` decides; where it says nothing, the `turn`-th member is set.
  explicit Filler(std::vector<const pb::FieldDescriptor*> chosen) : chosen_(std::move(chosen)) {}

  void fill(pb::Message& message, int turn) {
    const auto* type = message.GetDescriptor();
    for (int i = 0; i < type->field_count(); ++i)
      if (wanted(type->field(i), turn)) set(message, type->field(i));
  }

 private:
  bool wanted(const pb::FieldDescriptor* field, int turn) const {
    const auto* oneof = field->containing_oneof();
    if (!oneof) return true;
    for (const auto* choice : chosen_)
      if (choice->containing_oneof() == oneof) return choice == field;
    return field->index_in_oneof() == turn % oneof->field_count();
  }
  void set(pb::Message& message, const pb::FieldDescriptor* field) {
    const int times = field->is_repeated() ? 2 : 1;
    for (int turn = 0; turn < times; ++turn) {
      ++count_;
      if (field->message_type()) set_message(message, field, turn);
      else set_scalar(message, field);
    }
  }
  void set_message(pb::Message& message, const pb::FieldDescriptor* field, int turn) {
    const auto* reflection = message.GetReflection();
    fill(field->is_repeated() ? *reflection->AddMessage(&message, field)
                              : *reflection->MutableMessage(&message, field),
         turn);
  }
  void set_scalar(pb::Message& message, const pb::FieldDescriptor* field) {
    pb::TextFormat::ParseFieldValueFromString(value(field), field, &message);
  }
  std::string value(const pb::FieldDescriptor* field) const {
    switch (field->cpp_type()) {
      case pb::FieldDescriptor::CPPTYPE_BOOL: return "true";
      case pb::FieldDescriptor::CPPTYPE_STRING:
        return field->type() == pb::FieldDescriptor::TYPE_BYTES ? bytes_value()
                                                                : "\"" + field->name() + " " + std::to_string(count_) + "\"";
      case pb::FieldDescriptor::CPPTYPE_ENUM: {
        const auto* type = field->enum_type();
        return type->value(1 + count_ % (type->value_count() - 1))->name();
      }
      case pb::FieldDescriptor::CPPTYPE_INT32:
      case pb::FieldDescriptor::CPPTYPE_UINT32: return std::to_string(1000 + count_);
      case pb::FieldDescriptor::CPPTYPE_INT64:
      case pb::FieldDescriptor::CPPTYPE_UINT64: return std::to_string(1'700'000'000'000 + count_);
      case pb::FieldDescriptor::CPPTYPE_DOUBLE:
      case pb::FieldDescriptor::CPPTYPE_FLOAT: return std::to_string(count_) + ".5";
      case pb::FieldDescriptor::CPPTYPE_MESSAGE: break;
    }
    return "";
  }
  // 16 bytes as a text-format literal, zero and high bytes among them.
  std::string bytes_value() const {
    std::string literal = "\"";
    for (int i = 0; i < 16; ++i) {
      const std::string byte(1, static_cast<char>((count_ * 16 + i * 17) & 0xff));
      literal += "\\x" + to_hex(byte);
    }
    return literal + "\"";
  }

  std::vector<const pb::FieldDescriptor*> chosen_;
  int count_ = 0;
};

bool is_complete(const Subject& subject, const std::vector<Sample>& known) {
  std::set<std::string> covered;
  for (const auto& sample : known)
    if (const auto message = decode(sample)) covered.merge(set_fields(*message));
  return std::ranges::includes(covered, all_fields(subject));
}

std::string write_sample(const Subject& subject, size_t number) {
  const auto message = make(subject.message->full_name());
  Filler(subject.path).fill(*message, 0);
  const std::string file = subject.name + "-" + std::to_string(number) + ".sample";
  if (fs::exists(kFolder / file)) return "";
  std::ofstream out(kFolder / file);
  out << subject.message->full_name() << "\n";
  const std::string hex = to_hex(encode(*message));
  for (size_t i = 0; i < hex.size(); i += 100) out << hex.substr(i, 100) << "\n";
  std::string text;
  pb::TextFormat::PrintToString(*message, &text);
  out << "\n" << text;
  return file;
}

}  // namespace

std::vector<Subject> subjects() {
  std::vector<Subject> found{{"observation", v1::Observation::descriptor(), {}},
                             {"judged", v1::Judged::descriptor(), {}},
                             {"frame", v1::Frame::descriptor(), {}}};
  const auto* facts = v1::Event::descriptor()->FindOneofByName("fact");
  for (int i = 0; i < facts->field_count(); ++i) {
    const auto* aggregate = facts->field(i);
    const auto* own = aggregate->message_type()->FindOneofByName("fact");
    for (int j = 0; own && j < own->field_count(); ++j)
      found.push_back({aggregate->name() + "." + own->field(j)->name(), v1::Event::descriptor(), {aggregate, own->field(j)}});
  }
  return found;
}

std::map<std::string, std::vector<Sample>> load_samples() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(kFolder))
    if (entry.path().extension() == ".sample") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::map<std::string, std::vector<Sample>> found;
  for (const auto& path : paths) {
    auto sample = read_sample(path);
    found[sample.subject].push_back(std::move(sample));
  }
  return found;
}

std::unique_ptr<pb::Message> decode(const Sample& sample) {
  auto message = make(sample.message);
  return message && message->ParseFromString(sample.bytes) ? std::move(message) : nullptr;
}

std::unique_ptr<pb::Message> expected(const Sample& sample) {
  auto message = make(sample.message);
  return message && pb::TextFormat::ParseFromString(sample.text, message.get()) ? std::move(message) : nullptr;
}

std::string encode(const pb::Message& message) {
  std::string bytes;
  {
    pb::io::StringOutputStream stream(&bytes);
    pb::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

std::set<std::string> set_fields(const pb::Message& message) {
  std::set<std::string> found;
  collect_set(message, "", found);
  return found;
}

std::set<std::string> all_fields(const Subject& subject) {
  std::set<std::string> found;
  if (subject.path.empty()) {
    collect_all(subject.message, "", found);
    return found;
  }
  found.insert("envelope");
  collect_all(v1::Envelope::descriptor(), "envelope.", found);
  std::string prefix;
  for (const auto* field : subject.path) {
    found.insert(prefix + field->name());
    prefix += field->name() + ".";
  }
  collect_all(subject.path.back()->message_type(), prefix, found);
  return found;
}

std::vector<std::string> add_missing_samples() {
  std::vector<std::string> written;
  auto known = load_samples();
  for (const auto& subject : subjects()) {
    if (is_complete(subject, known[subject.name])) continue;
    const auto file = write_sample(subject, known[subject.name].size() + 1);
    if (!file.empty()) written.push_back(file);
  }
  return written;
}

}  // namespace watchword::samples
