// What services say was said: their documented answers, and what they may say instead.
#include "model/speech_reply.h"

#include <check.h>
#include <math.h>
#include <stdio.h>

static struct transcript transcript;
static struct speech_task task;

static void set_up(void)
{
    transcript = (struct transcript)TRANSCRIPT_INIT;
    task = (struct speech_task)SPEECH_TASK_INIT;
}

static void tear_down(void)
{
    transcript_release(&transcript);
    speech_task_release(&task);
}

// With ' for ".
static json_t *parse(const char *text)
{
    cleanup(free_ptr) char *copy = xstrdup(text);
    json_t *json = NULL;
    for (char *at = copy; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    ck_assert_msg(json_parse(copy, strlen(copy), &json, NULL) == 0, "%s", copy);
    return json;
}

static const struct {
    const char *name, *text;
    int r;
    const char *id, *link;
    double seconds; // -1: not said
} tasks[] = {
    { "submitted", "{'output':{'task_status':'PENDING','task_id':'7a1e-b_2'},'request_id':'r'}", 0,
      "7a1e-b_2", NULL, -1 },
    { "running", "{'output':{'task_id':'x','task_status':'RUNNING','task_metrics':{'TOTAL':1}}}", 0,
      "x", NULL, -1 },
    { "done",
      "{'output':{'task_id':'x','task_status':'SUCCEEDED','results':[{'file_url':'https://a',"
      "'transcription_url':'https://r.example/x.json?Expires=1','subtask_status':'SUCCEEDED'}]},"
      "'usage':{'duration':61}}",
      0, "x", "https://r.example/x.json?Expires=1", 61 },
    { "told as http",
      "{'output':{'task_id':'x','task_status':'SUCCEEDED','results':[{"
      "'transcription_url':'http://r.example/x.json'}]}}",
      0, "x", "http://r.example/x.json", -1 },
    { "of a model that knows one file only",
      "{'output':{'task_id':'x','task_status':'SUCCEEDED','result':{"
      "'transcription_url':'https://r.example/y'}},'usage':{'seconds':'7'}}",
      0, "x", "https://r.example/y", 7 },
    { "no task", "{'output':{}}", -1, "", NULL, -1 },
    { "a task without a name", "{'output':{'task_status':'PENDING'}}", -1, "", NULL, -1 },
    { "a name that leads elsewhere", "{'output':{'task_status':'PENDING','task_id':'../x?y'}}", -1,
      "", NULL, -1 },
    { "over without a result", "{'output':{'task_id':'x','task_status':'SUCCEEDED'}}", -1, "x",
      NULL, -1 },
    { "a result in a file of ours",
      "{'output':{'task_id':'x','task_status':'SUCCEEDED','result':{"
      "'transcription_url':'file:///etc/passwd'}}}",
      -1, "x", NULL, -1 },
    { "no object", "[]", -1, "", NULL, -1 },
};

START_TEST(a_task_is_asked_for_until_it_tells_its_result)
{
    struct err err = ERR_INIT;
    cleanup(json_free) json_t *json = parse(tasks[_i].text);
    int r = speech_reply_task(json, &task, &err);
    ck_assert_msg((r < 0) == (tasks[_i].r < 0), "%s: %s", tasks[_i].name, err.text);
    ck_assert_str_eq(task.id, tasks[_i].id);
    ck_assert_msg((task.link == NULL) == (tasks[_i].link == NULL), "%s", tasks[_i].name);
    if (task.link)
        ck_assert_str_eq(task.link, tasks[_i].link);
    ck_assert(r < 0 || task.is_over == (task.link != NULL));
    ck_assert(tasks[_i].seconds < 0 ? isnan(task.seconds) : task.seconds == tasks[_i].seconds);
    if (r < 0)
        ck_assert_int_eq(err.class, ERR_SERVICE);
}
END_TEST

// "1.00-2.00 text [word word] | ..."
static char *shown(void)
{
    char *all = xstrdup("");
    for (size_t i = 0; i < transcript.sentence_count; i++) {
        const struct transcript_sentence *sentence = &transcript.sentences[i];
        cleanup(free_ptr) char *before = all;
        all = xasprintf("%s%s%.2f-%.2f %s [", before, i > 0 ? " | " : "", sentence->start,
                        sentence->end, sentence->text);
        for (size_t k = 0; k < sentence->word_count; k++) {
            cleanup(free_ptr) char *so_far = all;
            all = xasprintf("%s%s%s", so_far, k > 0 ? " " : "",
                            transcript.words[sentence->first_word + k].text);
        }
        cleanup(free_ptr) char *so_far = all;
        all = xasprintf("%s]", so_far);
    }
    return all;
}

static const struct {
    const char *name;
    bool is_openai;
    const char *text, *shown; // NULL: refused
} answers[] = {
    { "as DashScope documents it", false,
      "{'file_url':'https://…','properties':{'channels':[0]},'transcripts':[{'channel_id':0,"
      "'text':'Good morning. …','sentences':[{'begin_time':420,'end_time':1980,"
      "'text':'Good morning.','sentence_id':1,'speaker_id':0,'words':["
      "{'begin_time':420,'end_time':760,'text':'Good ','punctuation':''},"
      "{'begin_time':760,'end_time':1980,'text':'morning','punctuation':'.'}]}]}]}",
      "0.42-1.98 Good morning. [Good morning.]" },
    { "the channel in which more is said", false,
      "{'transcripts':[{'sentences':[]},{'sentences':[{'begin_time':0,'end_time':1000,'text':'a'}]}"
      "]}",
      "0.00-1.00 a []" },
    { "nothing said", false, "{'transcripts':[]}", "" },
    { "times as text", false,
      "{'transcripts':[{'sentences':[{'begin_time':'500','end_time':'1500.0','text':'a'}]}]}",
      "0.50-1.50 a []" },
    { "times beyond the sound, backwards, missing", false,
      "{'transcripts':[{'sentences':[{'begin_time':99000,'end_time':99900,'text':'a'},"
      "{'begin_time':3000,'end_time':2000,'text':'b'},{'text':'c'},"
      "{'begin_time':9000,'end_time':20000,'text':'d'}]}]}",
      "9.00-10.00 d []" },
    { "no transcripts", false, "{'error':'x'}", NULL },
    { "a list", false, "[1]", NULL },
    { "as OpenAI documents it", true,
      "{'task':'transcribe','language':'english','duration':61.4,'text':'Good morning.',"
      "'segments':[{'id':0,'start':0.42,'end':1.98,'text':' Good morning.','avg_logprob':-0.21,"
      "'no_speech_prob':0.01}],'words':[{'word':'Good','start':0.42,'end':0.76},"
      "{'word':'morning','start':0.76,'end':1.9}]}",
      "0.42-1.98 Good morning. [Good morning.]" },
    { "words beside segments", true,
      "{'text':'a, b c','segments':[{'start':0,'end':2,'text':' A, b!'},{'start':2,'end':4,"
      "'text':'c'}],'words':[{'word':'a','start':0,'end':1},{'word':'b','start':1,'end':2},"
      "{'word':'c','start':2,'end':3}]}",
      "0.00-2.00 A, b! [A, b!] | 2.00-4.00 c [c]" },
    { "what is made of silence", true,
      "{'text':'Thanks for watching','segments':[{'start':0,'end':2,'text':'Thanks for watching',"
      "'no_speech_prob':0.9,'avg_logprob':-1.5}],'words':[{'word':'Thanks','start':0,'end':1}]}",
      "" },
    { "words without segments", true,
      "{'text':'a b c','words':[{'word':'a','start':0,'end':1},{'word':'b','start':1.1,'end':2},"
      "{'word':'c','start':3,'end':4}]}",
      "0.00-2.00 a b [a b] | 3.00-4.00 c [c]" },
    { "nothing said, by OpenAI", true, "{'text':' ','segments':[],'words':[]}", "" },
    { "a text without times", true, "{'text':'what is said'}", NULL },
    { "no text", true, "{'object':'list'}", NULL },
};

START_TEST(what_was_said_becomes_a_transcript)
{
    struct err err = ERR_INIT;
    cleanup(json_free) json_t *json = parse(answers[_i].text);
    int r = answers[_i].is_openai ? speech_reply_openai(json, 10, &transcript, &err)
                                  : speech_reply_dashscope(json, 10, &transcript, &err);
    ck_assert_msg((r < 0) == (answers[_i].shown == NULL), "%s: %s", answers[_i].name, err.text);
    if (r < 0)
        return;
    cleanup(free_ptr) char *text = shown();
    ck_assert_msg(strcmp(text, answers[_i].shown) == 0, "%s: %s", answers[_i].name, text);
}
END_TEST

START_TEST(speaker_and_language_are_taken_where_they_are_told)
{
    cleanup(json_free) json_t *json = parse(
        "{'transcripts':[{'sentences':[{'begin_time':0,'end_time':900,'text':'a','speaker_id':2,"
        "'language':'zh'},{'begin_time':1000,'end_time':2000,'text':'b','speaker_id':-7}]}]}");
    ck_assert_int_eq(speech_reply_dashscope(json, 10, &transcript, NULL), 0);
    ck_assert_int_eq(transcript.sentences[0].speaker, 2);
    ck_assert_int_eq(transcript.sentences[1].speaker, -1);
    ck_assert_str_eq(transcript.language, "zh");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("speech_reply");
    TCase *tcase = tcase_create("speech_reply");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_task_is_asked_for_until_it_tells_its_result, 0, ARRAY_LEN(tasks));
    tcase_add_loop_test(tcase, what_was_said_becomes_a_transcript, 0, ARRAY_LEN(answers));
    tcase_add_test(tcase, speaker_and_language_are_taken_where_they_are_told);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
