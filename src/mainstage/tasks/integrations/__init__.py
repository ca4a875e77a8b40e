"""Other libraries whose output becomes rows or lines: tqdm, Rich, logging, warnings, executors, asyncio."""
