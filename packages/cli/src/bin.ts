#!/usr/bin/env node
import { tomte } from './main.ts'

process.exitCode = await tomte(process.argv.slice(2))
