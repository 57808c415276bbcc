#include "api/import/reader.h"

#include <zlib.h>
#include <zstd.h>

#include "tests/unit/import/support.h"

namespace watchword::import {
namespace {

std::string gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(compressBound(text.size()) + 64, '\0');
  std::string copy = text;
  stream.next_in = reinterpret_cast<Bytef*>(copy.data());
  stream.avail_in = static_cast<uInt>(copy.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

struct Lines {
  std::vector<std::string> texts;
  std::vector<bool> too_long;
  std::string error;
};

Lines lines_of(const std::string& bytes, Unit unit = Unit::line) {
  const Folder folder;
  Lines lines;
  auto input = open_input(folder.write("log", bytes));
  EXPECT_TRUE(input.ok());
  Reader reader(std::move(*input), unit);
  for (;;) {
    const auto line = reader.next();
    if (!line)
      return lines.error = std::string(line.error().reason) + " " + line.error().detail, lines;
    if (!*line) return lines;
    lines.texts.emplace_back((*line)->text);
    lines.too_long.push_back((*line)->too_long);
    EXPECT_EQ((*line)->number, lines.texts.size());
  }
}

using Texts = std::vector<std::string>;

TEST(Reader, GivesLinesWithoutTheirEnds) {
  EXPECT_EQ(lines_of("a\r\n\nb\nlast").texts, (Texts{"a", "", "b", "last"}));
  EXPECT_EQ(lines_of("").texts, Texts{});
  EXPECT_EQ(lines_of("x").texts, Texts{"x"});
}

TEST(Reader, KnowsGzipInSeveralMembersAndZstdByTheirFirstBytes) {
  EXPECT_EQ(lines_of(gzip("a\nb\n") + gzip("c\n")).texts, (Texts{"a", "b", "c"}));
  EXPECT_EQ(lines_of(zstd("a\nb\n") + zstd("c")).texts, (Texts{"a", "b", "c"}));
}

TEST(Reader, NamesABrokenArchiveAfterTheLinesBeforeIt) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i * 7919) + "\n";
  std::string bytes = gzip(text);
  const Lines cut = lines_of(bytes.substr(0, bytes.size() / 2));
  EXPECT_GT(cut.texts.size(), 1000u);
  EXPECT_EQ(cut.error.substr(0, 26), "import.gzip gzip: cut off ");
  bytes[bytes.size() / 2] ^= 0x55;
  EXPECT_EQ(lines_of(bytes).error.substr(0, 11), "import.gzip");
  EXPECT_EQ(lines_of(zstd(text).substr(0, 5000)).error.substr(0, 26), "import.zstd zstd: cut off ");
}

TEST(Reader, ALineThatIsTooLongIsToldAndTheNextIsWhole) {
  for (const size_t size : {kMaxLineBytes, kMaxLineBytes + 1, 3 * kMaxLineBytes}) {
    const Lines lines = lines_of("a\n" + std::string(size, 'x') + "\nb\n");
    ASSERT_EQ(lines.texts.size(), 3u) << size;
    EXPECT_EQ(lines.too_long[1], size > kMaxLineBytes);
    EXPECT_EQ(lines.texts[1].size(), size > kMaxLineBytes ? 1024 : size);
    EXPECT_EQ(lines.texts[2], "b");
  }
  const Lines last = lines_of(std::string(2 * kMaxLineBytes, 'x'));
  ASSERT_EQ(last.texts.size(), 1u);
  EXPECT_TRUE(last.too_long[0]);
}

TEST(Reader, AWrappedDocumentGivesItsElementsHoweverItIsLaidOut) {
  const Texts expected{R"({"a":"]}\""})", R"({"b":{"c":[1]}})"};
  EXPECT_EQ(lines_of("{\n \"Records\" : [\n  " + expected[0] + ",\n  " + expected[1] + "\n ] }\n",
                     Unit::record)
                .texts,
            expected);
  EXPECT_EQ(lines_of("{\"Events\":[" + expected[0] + "," + expected[1] + "],\"NextToken\":\"x\"}",
                     Unit::record)
                .texts,
            expected);
  EXPECT_EQ(lines_of("[" + expected[0] + "," + expected[1] + "]", Unit::record).texts, expected);
  EXPECT_EQ(lines_of("{\"Records\":[]}", Unit::record).texts, Texts{});
}

TEST(Reader, ADocumentOfManyMegabytesOnOneLineIsRead) {
  std::string text = "{\"Records\":[";
  for (int i = 0; i < 40'000; ++i)
    text += (i ? ",{\"n\":\"" : "{\"n\":\"") + std::string(100, 'x') + "\"}";
  EXPECT_EQ(lines_of(text + "]}", Unit::record).texts.size(), 40'000u);
}

TEST(Reader, AnElementThatIsTooLongIsToldAndTheNextIsWhole) {
  const Lines lines =
      lines_of("[{\"a\":\"" + std::string(2 * kMaxLineBytes, 'x') + "\"},{\"b\":1}]", Unit::record);
  ASSERT_EQ(lines.texts.size(), 2u);
  EXPECT_TRUE(lines.too_long[0]);
  EXPECT_EQ(lines.texts[1], "{\"b\":1}");
}

TEST(Reader, WrappersThatAreLinesThemselvesStayLines) {
  EXPECT_EQ(lines_of("{\"Records\":[{}]}\n{\"Records\":[{}]}\n", Unit::record).texts.size(), 2u);
}

TEST(Reader, AFileThatIsNotThereIsAnError) {
  EXPECT_EQ(open_input("/nowhere/x").error().reason, "import.open");
}

}  // namespace
}  // namespace watchword::import
