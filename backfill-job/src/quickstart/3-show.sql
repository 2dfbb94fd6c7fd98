CALL lance.system.coverage('texts', 'detected');

CALL lance.system.jobs('texts');

SELECT language, count(*) AS texts, round(avg(words), 1) AS words, round(avg(letters[4]), 3) AS letter_e,
       round(avg(IF(detected = language, 1, 0)), 2) AS recognised
FROM lance.texts GROUP BY language ORDER BY recognised DESC;
