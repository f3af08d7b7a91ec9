from tests.faults.test_worker import *
import time
async def test_x(worker, heap, town, held, durable, folder):
    try:
        await test_a_killed_worker_leaves_each_fact_with_one_effect(worker, heap, town, held)
    finally:
        i=worker.log.find('╭')
        print(worker.log[i-3000:i+9000] if i>=0 else worker.log[-3000:])
async def test_y(worker, heap, town, held, durable, folder):
    try:
        await test_two_workers_share_the_facts(worker, durable, folder, heap, town, held)
    finally:
        i=worker.log.find('╭')
        print(worker.log[i-3000:i+9000] if i>=0 else '')
