#!/usr/bin/env node
import { tomte } from './command.ts'

process.exitCode = await tomte(process.argv.slice(2))
