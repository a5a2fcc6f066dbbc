// Writes the formatting that `npm run ok` checks.
import { binary, runNode } from './binary.ts'

process.exitCode = runNode(binary('biome', 'format', '--write', ...process.argv.slice(2)))
