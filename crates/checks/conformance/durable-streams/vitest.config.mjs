// The suite's own times are for a machine that does nothing else.
export default {
  test: { include: ["*.test.mjs"], testTimeout: 60_000, hookTimeout: 30_000, pool: "threads" },
};
