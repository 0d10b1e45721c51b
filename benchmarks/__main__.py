"""make bench: training against the textbook code, then the live panel in a browser."""

from benchmarks import bench_live, bench_training

bench_training.main()
bench_live.main()
