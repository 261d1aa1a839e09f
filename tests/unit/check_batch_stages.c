// Which stages a batch goes through, and what its steps take.
#include "spool/batch.h"

#include <check.h>

static const struct {
    int storage, vision, speech;
    bool uploads, transcribes;
    enum slot_class transcript;
} batches[] = {
    { STORAGE_LOCAL, MODEL_DASHSCOPE, MODEL_DASHSCOPE, false, true, SLOT_MODEL },
    { STORAGE_HYBRID, MODEL_LOCAL, MODEL_NONE, false, false, SLOT_MODEL },
    { STORAGE_OSS, MODEL_LOCAL, MODEL_LOCAL, false, true, SLOT_CPU },
    { STORAGE_OSS, MODEL_DASHSCOPE, MODEL_NONE, true, false, SLOT_MODEL },
    { STORAGE_HYBRID, MODEL_OPENAI, MODEL_LOCAL, true, true, SLOT_CPU },
    { STORAGE_HYBRID, MODEL_LOCAL, MODEL_DASHSCOPE, true, true, SLOT_MODEL },
};

static struct batch batch_of(int i)
{
    struct batch batch = BATCH_INIT;
    batch.storage = batches[i].storage;
    batch.roles[MODEL_VISION] = batches[i].vision;
    batch.roles[MODEL_SPEECH] = batches[i].speech;
    return batch;
}

START_TEST(a_proxy_goes_up_only_where_somebody_elsewhere_looks_or_listens)
{
    struct batch batch = batch_of(_i);
    ck_assert(batch_has_stage(&batch, STAGE_UPLOAD) == batches[_i].uploads);
    ck_assert(batch_has_stage(&batch, STAGE_ANALYZE));
}
END_TEST

START_TEST(what_is_said_is_written_down_by_a_step_that_computes_where_this_machine_does_it)
{
    struct batch batch = batch_of(_i);
    ck_assert(batch_has_stage(&batch, STAGE_TRANSCRIBE) == batches[_i].transcribes);
    ck_assert_int_eq(batch_slot(&batch, STAGE_TRANSCRIBE), batches[_i].transcript);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("batch_stages");
    TCase *tcase = tcase_create("batch_stages");
    tcase_add_loop_test(tcase, a_proxy_goes_up_only_where_somebody_elsewhere_looks_or_listens, 0,
                        (int)ARRAY_LEN(batches));
    tcase_add_loop_test(
        tcase, what_is_said_is_written_down_by_a_step_that_computes_where_this_machine_does_it, 0,
        (int)ARRAY_LEN(batches));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
