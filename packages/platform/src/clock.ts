/** Milliseconds since 1970-01-01T00:00:00Z. */
export type Now = () => number

/** The machine's clock. */
export const systemNow: Now = () => Date.now()

/** Milliseconds since some instant, which nobody sets: for how long something took. */
export const steadyNow: Now = () => performance.now()

/** Calls `task` every `ms` milliseconds without keeping the process alive; the returned function ends it. */
export function every(ms: number, task: () => void): () => void {
  const timer = setInterval(task, ms)
  timer.unref()
  return () => clearInterval(timer)
}

/** Calls `task` after `ms` milliseconds without keeping the process alive; the returned function takes that back. */
export function after(ms: number, task: () => void): () => void {
  const timer = setTimeout(task, ms)
  timer.unref()
  return () => clearTimeout(timer)
}
