import pytest

from helm_book.telling import tell
from helm_study import records


def test_a_sentence_gets_its_numbers_from_a_record_and_from_the_author():
    record = records.load("exp1")
    share = record["metrics"]["plan_success_system_flat_T10"]["mean"]
    told = tell(
        "**{plan_success_system_flat_T10:.1%}** of {tasks} tasks, {loss:.1e}", record, tasks=50, loss=1.2e7
    ).data
    assert told == f"**{100 * share:.1f} %** of 50 tasks, $1.2 \\times 10^{{7}}$"


def test_several_records_fill_a_sentence_and_the_first_gives_the_number_of_seeds():
    worlds, script = records.load("worlds"), records.load("script")
    told = tell("{seeds}, {success_contrastive_empty16:.0%}, {success_script_baseline:.0%}", worlds, script).data
    assert told == f"{len(worlds['seeds'])}, 100 %, 0 %"


def test_a_field_without_a_number_is_an_error():
    with pytest.raises(KeyError, match="gap"):
        tell("It ends {gap:.2f} from the goal.")
