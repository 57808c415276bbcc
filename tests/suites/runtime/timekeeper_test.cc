// The time of frames and of readers (PROTOCOL.md section 2) under every clock.
#include "processors/runtime/timekeeper.h"

#include "tests/suites/runtime/task_kit.h"

namespace watchword::runtime::testing {
namespace {

constexpr int64_t kMinute = 60'000, kDay = 24 * 3'600'000;

TEST(Timekeeper, FramesGoByTheBootClockWhateverTheWallClockDoes) {
  ManualClock clock;
  Timekeeper time(clock);
  time.begin(kNow - kMinute);
  EXPECT_EQ(time.frame_ms(), kNow);
  clock.pass(10);
  clock.wall += kMinute;
  EXPECT_EQ(time.frame_ms(), kNow + 10);
  clock.wall -= kDay;
  EXPECT_EQ(time.frame_ms(), kNow + 10);
}

TEST(Timekeeper, ATermNeverBeginsBeforeTheLastFrame) {
  ManualClock clock;
  Timekeeper time(clock);
  time.begin(kNow + kMinute);
  EXPECT_EQ(time.frame_ms(), kNow + kMinute);
  clock.pass(10);
  EXPECT_EQ(time.frame_ms(), kNow + kMinute + 10);
}

TEST(Timekeeper, AcceptingAClockThatWasSetBackDoesNotTakeFramesBack) {
  ManualClock clock;
  Timekeeper time(clock);
  time.begin(kNow);
  clock.pass(kMinute);
  EXPECT_EQ(time.frame_ms(), kNow + kMinute);
  clock.wall -= kDay;
  EXPECT_FALSE(time.doubt().empty());
  time.accept();
  EXPECT_TRUE(time.doubt().empty());
  EXPECT_EQ(time.frame_ms(), kNow + kMinute);
  clock.pass(10);
  EXPECT_EQ(time.frame_ms(), kNow + kMinute + 10);
}

TEST(Timekeeper, DoubtsAClockThatIsMoreThanFiveSecondsOffInEitherDirection) {
  for (const int64_t step : {5'001, -5'001, 3'600'000, -3'600'000}) {
    ManualClock clock;
    Timekeeper time(clock);
    time.begin(kNow);
    clock.pass(kMinute);
    clock.wall += step;
    EXPECT_NE(time.doubt().find("stepped by " + std::to_string(step)), std::string::npos) << step;
    clock.wall -= step;
    EXPECT_EQ(time.doubt(), "") << "it returned";
    clock.wall += step > 0 ? 5'000 : -5'000;
    EXPECT_EQ(time.doubt(), "") << "as much may be off";
  }
}

TEST(Timekeeper, AfterMoreThanADayOfAbsenceTimeStandsUntilSomebodyVouches) {
  ManualClock clock;
  Timekeeper time(clock);
  time.begin(kNow - kDay - 1);
  EXPECT_NE(time.doubt().find("24 h"), std::string::npos);
  EXPECT_EQ(time.frame_ms(), kNow - kDay - 1);
  time.accept();
  EXPECT_EQ(time.doubt(), "");
  EXPECT_EQ(time.frame_ms(), kNow);
  Timekeeper sooner(clock);
  sooner.begin(kNow - kDay);
  EXPECT_EQ(sooner.doubt(), "");
  Timekeeper first(clock);
  first.begin(0);
  EXPECT_EQ(first.doubt(), "") << "an empty journal has no frame to be late behind";
}

TEST(Timekeeper, AReaderWhoseClockIsSetBackStaysWhereItWas) {
  ManualClock clock;
  const Timekeeper time(clock);
  EXPECT_EQ(time.read_ms(), kNow);
  clock.pass(kMinute);
  EXPECT_EQ(time.read_ms(), kNow + kMinute);
  clock.wall -= kDay;
  EXPECT_EQ(time.read_ms(), kNow + kMinute) << "what has expired stays so";
}

TEST(Timekeeper, AReaderIsNeverBehindTheFrames) {
  ManualClock clock;
  Timekeeper time(clock);
  time.begin(kNow + kMinute);
  EXPECT_EQ(time.read_ms(), kNow + kMinute) << "the clock was set back while nothing ran";
  clock.pass(10);
  EXPECT_EQ(time.read_ms(), kNow + kMinute) << "no frame yet";
  EXPECT_EQ(time.frame_ms(), kNow + kMinute + 10);
  EXPECT_EQ(time.read_ms(), kNow + kMinute + 10);
}

}  // namespace
}  // namespace watchword::runtime::testing
