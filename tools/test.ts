// Runs every *.test.ts, or with arguments those whose path contains one of them: `npm test -- guard tools/tidy`. Tests that
// read DATABASE_URL or REDIS_URL get one PostgreSQL and one Redis for the whole run, unless the variables are set.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { readText, repositoryFiles, root } from './files.ts'
import { startServers, serversWanted } from './servers.ts'
import { testProcesses, writeTestPrograms } from './test-processes.ts'

// A test that hangs must fail before the machine that runs it gives up without a word.
const TEST_LIMIT_MS = 300_000

// What Node compiled, for all processes of a run and for the next run. Node compares each source with what it compiled.
const COMPILED = join(root, 'node_modules', '.cache', 'tomte-compiled')
// A run with an empty cache leaves some thousands; files that tests make in folders of their own are never met again.
const COMPILED_MAX = 20_000

const wanted = process.argv.slice(2)
const files = repositoryFiles()
  .filter(
    (path) =>
      /^(packages|examples|conformance|drills|tools)\/.*\.test\.ts$/.test(path) &&
      (wanted.length === 0 || wanted.some((part) => path.includes(part.replaceAll('\\', '/')))),
  )
  .map((path) => ({ path, text: readText(path) }))

/** Empties the cache of compiled sources when it has grown too large. */
async function boundCompiled(): Promise<void> {
  const entries = await readdir(COMPILED, { recursive: true }).catch(() => [])
  if (entries.length > COMPILED_MAX) await rm(COMPILED, { recursive: true, force: true })
}

async function runTests(): Promise<number> {
  // Colour codes would hide the closing lines from whatever reads them.
  const { FORCE_COLOR: _, ...env } = process.env
  await boundCompiled()
  const texts = files.map(({ text }) => text)
  const servers = await startServers(serversWanted(texts, env))
  const programs = await mkdtemp(join(tmpdir(), 'tomte-test-programs-'))
  try {
    const args = [
      '--conditions=@tomte/source',
      '--test',
      `--test-reporter=${pathToFileURL(join(root, 'tools/test-reporter.ts')).href}`,
      '--test-concurrency=2',
      `--test-timeout=${TEST_LIMIT_MS}`,
      ...(await writeTestPrograms(programs, testProcesses(files))),
    ]
    const runner = spawn(process.execPath, args, {
      cwd: root,
      env: { NODE_COMPILE_CACHE: COMPILED, ...env, ...servers.env },
      stdio: 'inherit',
    })
    // The runner ends its tests and reports them; this process waits for it, and then stops the servers.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => runner.kill(signal))
    const [status] = (await once(runner, 'exit')) as [number | null]
    return status ?? 1
  } finally {
    await servers.stop()
    await rm(programs, { recursive: true, force: true })
  }
}

if (files.length === 0) {
  process.stderr.write(`Cannot test: found no *.test.ts whose path contains ${wanted.join(' or ')}\n`)
  process.exitCode = 2
} else {
  process.exitCode = await runTests()
}
