// A program in which `@opentelemetry/api` cannot be found: it makes one call, and prints what came of it and whether the
// client looked for the package. With the argument `registered`, another copy of the package has registered something.
import { registerHooks } from 'node:module'

let tried = false
registerHooks({
  resolve(specifier, context, next) {
    if (!specifier.startsWith('@opentelemetry/')) return next(specifier, context)
    tried = true
    throw new Error(`Cannot find package '${specifier}'`)
  },
})
if (process.argv[2] === 'registered') {
  Object.assign(globalThis, { [Symbol.for('opentelemetry.js.api.1')]: { version: '1.10.0' } })
}
const { scriptedApi } = await import('../call/test-support.ts')
const ends: (() => void)[] = []
const after = (end: () => void) => void ends.push(end)
const { orders, calls } = await scriptedApi({ after } as Parameters<typeof scriptedApi>[0], () => ({
  body: { id: 1 },
}))
const answer = await orders.get('/orders/1')
const headers = Object.keys(calls[0]?.headers ?? {}).filter((name) => name.startsWith('trace')).length
process.stdout.write(JSON.stringify({ answer, headers, tried }))
for (const end of ends) end()
process.exit()
