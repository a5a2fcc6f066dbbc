// Runs every *.test.ts, or with arguments those whose path contains one of them: `npm test -- guard tools/tidy`.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { repositoryFiles, root } from './files.ts'

// A test that hangs must fail before the machine that runs it gives up without a word.
const TEST_LIMIT_MS = 300_000

const wanted = process.argv.slice(2)
const files = repositoryFiles().filter(
  (path) =>
    /^(packages|examples|conformance|tools)\/.*\.test\.ts$/.test(path) &&
    (wanted.length === 0 || wanted.some((part) => path.includes(part.replaceAll('\\', '/')))),
)

function runTests(): number {
  // Colour codes would hide the closing lines from whatever reads them.
  const { FORCE_COLOR: _, ...env } = process.env
  const args = [
    '--conditions=@tomte/source',
    '--test',
    `--test-reporter=${pathToFileURL(join(root, 'tools/test-reporter.ts')).href}`,
    '--test-concurrency=2',
    `--test-timeout=${TEST_LIMIT_MS}`,
    ...files,
  ]
  const { status, error } = spawnSync(process.execPath, args, { cwd: root, env, stdio: 'inherit' })
  if (error) throw error
  return status ?? 1
}

if (files.length === 0) {
  process.stderr.write(`Cannot test: found no *.test.ts whose path contains ${wanted.join(' or ')}\n`)
  process.exitCode = 2
} else {
  process.exitCode = runTests()
}
