"""What the samples and the record come to, and whether it is within what is promised."""
from collections import Counter, defaultdict

# The bounds that are declared; the reason stands beside each.
RSS_MAX_MB = 768              # rows in memory (512 MiB by default) and RocksDB's cache and buffers
RSS_SLOPE_MB_PER_MIN = 12     # rows that the load adds, some 2 MB/min, what malloc makes of them, and noise
WARM_MIN = 3                  # until then lists grow to their longest page; 200 at once are the most memory
DESCRIPTORS_OVER_REST = 24    # segments and RocksDB tables that a longer life opens
REVOKES_WHEN_FULL = 1


def slope(points):
    """Least squares, of [(x, y)]; 0 for fewer than three."""
    if len(points) < 3:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(part * len(values)))] if values else 0.0


def by_life(samples):
    lives = defaultdict(list)
    for sample in samples:
        lives[sample["life"]].append(sample)
    return lives


def at_equal_uptime(samples, member, from_min=0, low_s=35, high_s=55):
    """Of each life the mean between two uptimes: (minutes since the run began, value)."""
    points = []
    for life in by_life(samples).values():
        some = [sample for sample in life if low_s <= sample["uptime_s"] <= high_s]
        if some and some[0]["at_s"] >= from_min * 60:
            points.append((some[0]["at_s"] / 60, sum(sample[member] for sample in some) / len(some)))
    return points


def last_life_slope(samples):
    """MB a minute over the second half of the last life; 0 when that is under a minute."""
    last = list(by_life(samples).values())[-1] if samples else []
    half = [(sample["uptime_s"] / 60, sample["rss_mb"]) for sample in last[len(last) // 2:]]
    return slope(half) if half and half[-1][0] - half[0][0] >= 1 else 0.0


def print_slopes(samples, out):
    out("\nresources (a sample each 5 s)")
    for member, unit in (("rss_mb", "MB"), ("descriptors", ""), ("threads", ""), ("rows_memory_mb", "MB"),
                         ("rows_disk_mb", "MB"), ("journal_mb", "MB")):
        values = [sample[member] for sample in samples if member in sample]
        if not values:
            continue
        out(f"  {member:<16} first {values[0]:8.1f}  last {values[-1]:8.1f}  max {max(values):8.1f} {unit}")
    out("  by life: life, minutes, RSS MB first > last, MB/min, descriptors/min")
    for life, some in by_life(samples).items():
        rss = [(sample["uptime_s"] / 60, sample["rss_mb"]) for sample in some]
        open_files = [(sample["uptime_s"] / 60, sample["descriptors"]) for sample in some]
        out(f"    {life:>3} {rss[-1][0]:6.1f}  {rss[0][1]:7.1f} > {rss[-1][1]:7.1f}  {slope(rss):+7.2f}  "
            f"{slope(open_files):+7.2f}")


def print_latencies(timings, windows, out):
    def calm(begun_s, ms):
        return all(begun_s + ms / 1e3 < begin - 0.1 or begun_s > end + 2 for begin, end, _ in windows)

    kinds = defaultdict(lambda: ([], []))
    for kind, begun_s, ms, status in timings:
        if 200 <= status < 300:
            kinds[kind][0].append(ms)
            if calm(begun_s, ms):
                kinds[kind][1].append(ms)
    out("\nlatency of what succeeded, ms      all of it                    away from faults")
    out("  kind              count     p50     p99      max      count     p50     p99      max")
    for kind in sorted(kinds):
        line = f"  {kind:<14}"
        for values in kinds[kind]:
            line += (f" {len(values):>8} {percentile(values, .5):7.2f} {percentile(values, .99):7.2f} "
                     f"{max(values, default=0):8.1f}  ")
        out(line)


def print_statuses(timings, out):
    counts = Counter((kind, status) for kind, _, _, status in timings)
    out("\nanswers by kind and status (0: no answer, the node was down)")
    for kind in sorted({kind for kind, _ in counts}):
        told = ", ".join(f"{status} x {count}" for (of, status), count in sorted(counts.items()) if of == kind)
        out(f"  {kind:<14} {told}")


def verdict(run):
    """Sentences about what is not as promised; none: all is well."""
    wrong = list(run.wrong)
    for what, growth in (("at equal uptime", slope(at_equal_uptime(run.samples, "rss_mb", WARM_MIN))),
                         ("late in the last life", last_life_slope(run.samples))):
        if growth > RSS_SLOPE_MB_PER_MIN:
            wrong.append(f"memory {what} grows by {growth:.1f} MB a minute, over {RSS_SLOPE_MB_PER_MIN}")
    most = max((sample["rss_mb"] for sample in run.samples), default=0)
    if most > RSS_MAX_MB:
        wrong.append(f"memory reached {most:.0f} MB, over {RSS_MAX_MB}")
    if run.rest_at_end > run.rest_at_start + DESCRIPTORS_OVER_REST:
        wrong.append(f"{run.rest_at_end} descriptors at rest, {run.rest_at_start} at the start")
    if run.faults.counts.get("full_disk") and run.revokes_when_full < REVOKES_WHEN_FULL:
        wrong.append("no revocation succeeded while the disk was full")
    return wrong
