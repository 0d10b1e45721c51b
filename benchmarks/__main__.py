"""make bench: training against the textbook code, faces, then the live panel in a browser."""

from benchmarks import bench_faces, bench_live, bench_training

bench_training.main()
bench_faces.main()
bench_live.main()
